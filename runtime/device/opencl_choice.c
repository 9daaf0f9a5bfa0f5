/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What launches choose (oc_launch_choose), kept from one start to the next beside the programs: a text
 * under the digest of all that the quickest choice depends on. A choice shows in no bit of an answer,
 * so that a file that is wrong, or old, or gone costs only time.
 */
#include "oc_dev_opencl.h"

#include <stdio.h>

#define FORMAT "offcut choice 1"

/* ---- the key ------------------------------------------------------------------------------- */

static oc_status put_number(oc_hash *hash, int64_t number)
{
    char text[24];
    snprintf(text, sizeof(text), "%lld", (long long)number);
    return oc_hash_put_text(hash, text);
}

static oc_status put_desc(oc_hash *hash, const oc_desc *desc)
{
    OC_TRY(oc_hash_put_text(hash, oc_dtype_name(desc->dtype)));
    OC_TRY(put_number(hash, desc->shape.rank));
    for (int32_t d = 0; d < desc->shape.rank; d++)
        OC_TRY(put_number(hash, desc->shape.dim[d]));
    return OC_OK;
}

static oc_status put_attrs(const oc_op_call *call, const oc_allocator *alloc, oc_hash *hash)
{
    oc_buf text;
    oc_buf_init(&text, alloc);
    oc_status status = oc_attrs_print(call->op, call->attrs, &text);
    if (status == OC_OK)
        status = oc_hash_put(hash, text.data, text.size);
    oc_buf_fini(&text);
    return status == OC_OK ? oc_hash_put_text(hash, "") : status;
}

static oc_status put_call(const oc_op_call *call, const oc_allocator *alloc, oc_hash *hash)
{
    OC_TRY(oc_hash_put_text(hash, call->op->name));
    OC_TRY(oc_hash_put_text(hash, call->numerics != NULL ? call->numerics : ""));
    OC_TRY(put_attrs(call, alloc, hash));
    for (uint32_t i = 0; i < call->n_in; i++) {
        const bool is_given = call->in[i] != NULL;
        OC_TRY(oc_hash_put_text(hash, !is_given           ? "absent"
                                      : call->is_const[i] ? "constant"
                                                          : "value"));
        if (is_given)
            OC_TRY(put_desc(hash, call->in[i]));
    }
    return OC_OK;
}

/* The kernels' texts, each once. */
static oc_status put_sources(oc_cl_dev *dev, const oc_launch_list *list, oc_hash *hash)
{
    for (size_t i = 0; i < list->count; i++) {
        bool is_new = true;
        for (size_t j = 0; j < i; j++)
            is_new = is_new && strcmp(list->items[j].stem, list->items[i].stem) != 0;
        if (is_new)
            OC_TRY(oc_cl_hash_source(dev, list->items[i].stem, hash));
    }
    return OC_OK;
}

/* `list`: the call's launches, whatever they chose. */
static oc_status make_key(oc_cl_dev *dev, const oc_op_call *call, const oc_launch_list *list,
                          oc_digest *key)
{
    const oc_allocator *alloc = dev->head.alloc;
    oc_hash *hash = NULL;
    oc_status status;
    OC_TRY(oc_hash_create(alloc, &hash));
    OC_TRY_OUT(oc_hash_put_text(hash, FORMAT));
    OC_TRY_OUT(oc_cl_hash_device(dev, hash));
    OC_TRY_OUT(put_number(hash, dev->head.info.compute_units));
    OC_TRY_OUT(put_call(call, alloc, hash));
    OC_TRY_OUT(put_sources(dev, list, hash));
    OC_TRY_OUT(oc_hash_end(hash, key));
out:
    oc_hash_destroy(hash);
    return status;
}

/* ---- the tuner ----------------------------------------------------------------------------- */

static oc_status choices(oc_dev *dev, const oc_op_call *call, const char *wanted,
                         oc_choices *chosen, oc_digest *key)
{
    oc_launch_list list;
    oc_status status = oc_cl_launches(dev, call, wanted, &list);
    if (status == OC_OK)
        status = make_key((oc_cl_dev *)dev, call, &list, key);
    if (status == OC_OK)
        *chosen = list.choices;
    oc_free(list.alloc, list.items);
    return status;
}

static bool kept(oc_dev *head, const oc_digest *key, char text[OC_CHOICE_TEXT])
{
    oc_cache *cache = ((oc_cl_dev *)head)->cache;
    oc_bytes found;
    if (cache == NULL || !oc_cache_get(cache, key, &found))
        return false;
    const bool fits = found.size > 0 && found.size < OC_CHOICE_TEXT;
    if (fits) {
        memcpy(text, found.data, found.size);
        text[found.size] = '\0';
    } else {
        oc_cache_warn(cache, "a choice has more bytes than any has, or none");
    }
    oc_free(head->alloc, (void *)found.data);
    return fits;
}

static bool keep(oc_dev *head, const oc_digest *key, const char *text)
{
    oc_cache *cache = ((oc_cl_dev *)head)->cache;
    const oc_bytes result = {.data = (const uint8_t *)text, .size = strlen(text)};
    return cache != NULL && oc_cache_put(cache, key, result);
}

const oc_dev_tuner oc_cl_tuner = {.choices = choices, .kept = kept, .keep = keep};

/* ---- what is prepared ---------------------------------------------------------------------- */

/* Again as the text says. It says what the launch can choose, or else the rule holds. */
static oc_status launch_again(oc_dev *dev, const oc_op_call *call, const char *text,
                              oc_launch_list *list)
{
    char made[OC_CHOICE_TEXT], why[3 * OC_CHOICE_TEXT];
    oc_free(list->alloc, list->items);
    OC_TRY(oc_cl_launches(dev, call, text, list));
    list->wanted = NULL; /* the text is the caller's */
    if (strcmp(oc_choices_print(&list->choices, made), text) == 0)
        return OC_OK;
    snprintf(why, sizeof(why), "expected a choice such as '%s', found '%s'", made, text);
    oc_cache_warn(((oc_cl_dev *)dev)->cache, why);
    oc_free(list->alloc, list->items);
    return oc_cl_launches(dev, call, NULL, list);
}

oc_status oc_cl_launches_kept(oc_dev *dev, const oc_op_call *call, oc_launch_list *list)
{
    char text[OC_CHOICE_TEXT];
    oc_digest key;
    OC_TRY(oc_cl_launches(dev, call, NULL, list));
    if (((oc_cl_dev *)dev)->cache == NULL || list->choices.count == 0)
        return OC_OK;
    OC_TRY(make_key((oc_cl_dev *)dev, call, list, &key));
    return kept(dev, &key, text) ? launch_again(dev, call, text, list) : OC_OK;
}
