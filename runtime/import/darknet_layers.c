/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The Darknet layers that are understood, from the files of their kinds. Source: what Darknet does
 * (J. Redmon, https://pjreddie.com/darknet; A. Bochkovskiy's continuation for groups and
 * scale_channels).
 */
#include "darknet_layers.h"

/* Of layers that do nothing when a network is used. */
static oc_status convert_nothing(oc_dk_call *call)
{
    call->out = call->in;
    return OC_OK;
}

static const oc_dk_row idle_rows[] = {
    {"dropout", "", "probability dropblock dropblock_size_rel dropblock_size_abs", false,
     convert_nothing},
    {"cost", "", "type scale sse ratio noobj thresh", false, convert_nothing},
};

/* Short forms that Darknet takes too. */
static const struct {
    const char *word, *type;
} short_forms[] = {{"conv", "convolutional"},
                   {"conn", "connected"},
                   {"max", "maxpool"},
                   {"avg", "avgpool"},
                   {"soft", "softmax"}};

/* Row `index` of all of them, or NULL. */
static const oc_dk_row *row_at(size_t index)
{
    const struct {
        const oc_dk_row *rows;
        size_t count;
    } kinds[] = {{oc_dk_product_rows, oc_dk_n_product_rows},
                 {oc_dk_pixel_rows, oc_dk_n_pixel_rows},
                 {oc_dk_join_rows, oc_dk_n_join_rows},
                 {idle_rows, OC_COUNT(idle_rows)},
                 {oc_dk_head_rows, oc_dk_n_head_rows}};
    for (size_t i = 0; i < OC_COUNT(kinds); i++) {
        if (index < kinds[i].count)
            return &kinds[i].rows[index];
        index -= kinds[i].count;
    }
    return NULL;
}

const oc_dk_row *oc_dk_find_row(const char *type)
{
    const oc_dk_row *row;
    for (size_t i = 0; i < OC_COUNT(short_forms); i++)
        if (strcmp(short_forms[i].word, type) == 0)
            type = short_forms[i].type;
    for (size_t i = 0; (row = row_at(i)) != NULL; i++)
        if (strcmp(row->type, type) == 0)
            return row;
    return NULL;
}

const char *oc_dk_layer_name(size_t index)
{
    const oc_dk_row *row = row_at(index);
    return row ? row->type : NULL;
}
