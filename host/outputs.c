/* SPDX-License-Identifier: Apache-2.0 */
/** What a network answered: for people, as JSON, and as .npy files. */
#include "outputs.h"

#include "table.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- elements -------------------------------------------------------------------------------- */

static size_t count_of(const oc_desc *desc)
{
    size_t count = 1;
    for (int32_t i = 0; i < desc->shape.rank; i++)
        count *= (size_t)desc->shape.dim[i];
    return count;
}

static double element(const oc_tensor *tensor, size_t i)
{
    if (tensor->desc.dtype == OC_DTYPE_float16)
        return (double)oc_half_to_float(((const uint16_t *)tensor->data)[i]);
    switch (tensor->desc.dtype) {
#define X(name_, ctype_, size_, npy_, oip_) \
    case OC_DTYPE_##name_:                  \
        return (double)((const ctype_ *)tensor->data)[i];
        OC_DTYPE_LIST(X)
#undef X
    case OC_DTYPE_COUNT:
        break;
    }
    return 0;
}

/* Element `i` as the model means it: 8-bit scores are quantised. */
static double meant(const oc_value_info *info, const oc_tensor *tensor, size_t i)
{
    const oc_quant *quant = info->quant;
    double raw = element(tensor, i);
    return quant ? (double)quant->scale * (raw - quant->zero_point) : raw;
}

typedef struct score {
    double value;
    size_t index;
} score;

/*
 * The largest first; what is no number last; of equals the lower index first, so that the order is
 * always the same.
 */
static int compare(const void *a, const void *b)
{
    const score *x = a;
    const score *y = b;
    if (isnan(x->value) != isnan(y->value))
        return isnan(x->value) ? 1 : -1;
    if (x->value != y->value && !isnan(x->value))
        return x->value < y->value ? 1 : -1;
    return x->index < y->index ? -1 : 1;
}

/* All scores, the best first. Freed by the caller. */
static score *sort_scores(const oc_value_info *info, const oc_tensor *tensor, size_t count)
{
    score *scores = host_alloc(count, sizeof(*scores));
    for (size_t i = 0; i < count; i++)
        scores[i] = (score){meant(info, tensor, i), i};
    qsort(scores, count, sizeof(*scores), compare);
    return scores;
}

typedef struct summary {
    double min, max, mean;
} summary;

static summary summarise(const oc_value_info *info, const oc_tensor *tensor)
{
    size_t count = count_of(&tensor->desc);
    summary s = {.min = NAN, .max = NAN, .mean = 0};
    for (size_t i = 0; i < count; i++) {
        double value = meant(info, tensor, i);
        s.min = fmin(s.min, value);
        s.max = fmax(s.max, value);
        s.mean += value / (double)count;
    }
    if (count == 0)
        s.mean = NAN;
    return s;
}

bool host_is_scores(const oc_desc *desc)
{
    size_t longest = 0;
    for (int32_t i = 0; i < desc->shape.rank; i++)
        if ((size_t)desc->shape.dim[i] > longest)
            longest = (size_t)desc->shape.dim[i];
    return longest > 1 && count_of(desc) == longest;
}

/* ---- labels ---------------------------------------------------------------------------------- */

static const char *label_of(const host_labels *labels, size_t index)
{
    return index < labels->count ? labels->lines[index] : "";
}

int host_labels_check(const host_call *call, const host_labels *labels, const oc_model_info *info)
{
    for (size_t i = 0; i < info->n_outputs && labels->count > 0; i++) {
        const oc_value_info *output = &info->outputs[i];
        if (host_is_scores(&output->desc) && count_of(&output->desc) != labels->count)
            return host_fail(call, "%s: expected %zu labels for output %s, found %zu", labels->path,
                             count_of(&output->desc), output->name, labels->count);
    }
    return HOST_OK;
}

/* ---- showing --------------------------------------------------------------------------------- */

static void print_scores(const oc_value_info *info, const oc_tensor *tensor,
                         const host_labels *labels, size_t top)
{
    host_table table;
    char titles[] = ">top|>class|>value|label";
    size_t count = count_of(&tensor->desc);
    score *scores = sort_scores(info, tensor, count);
    host_table_init(&table, titles);
    if (labels->count == 0)
        table.n_columns--;
    for (size_t i = 0; i < count && i < top; i++) {
        host_cell(&table, "%zu", i + 1);
        host_cell(&table, "%zu", scores[i].index);
        host_cell(&table, "%.7g", scores[i].value);
        if (labels->count > 0)
            host_cell(&table, "%s", label_of(labels, scores[i].index));
    }
    host_table_print(&table);
    host_table_fini(&table);
    free(scores);
}

void host_outputs_print(const oc_model_info *info, const oc_tensor *outputs,
                        const host_labels *labels, size_t top)
{
    char shape[OC_SHAPE_TEXT];
    for (size_t i = 0; i < info->n_outputs; i++) {
        const oc_desc *desc = &outputs[i].desc;
        printf("output %s: %s %s", info->outputs[i].name, oc_dtype_name(desc->dtype),
               oc_shape_print(&desc->shape, shape, sizeof(shape)));
        if (host_is_scores(desc)) {
            putchar('\n');
            print_scores(&info->outputs[i], &outputs[i], labels, top);
            continue;
        }
        summary s = summarise(&info->outputs[i], &outputs[i]);
        printf(", min %.7g, max %.7g, mean %.7g\n", s.min, s.max, s.mean);
    }
}

static json_t *scores_json(const oc_value_info *info, const oc_tensor *tensor,
                           const host_labels *labels, size_t top)
{
    json_t *list = host_json_list();
    size_t count = count_of(&tensor->desc);
    score *scores = sort_scores(info, tensor, count);
    for (size_t i = 0; i < count && i < top; i++) {
        json_t *entry = host_json_object();
        host_json_put(entry, "class", host_json_uint(scores[i].index));
        host_json_put(entry, "value", host_json_number(scores[i].value));
        if (labels->count > 0)
            host_json_put(entry, "label", host_json_text(label_of(labels, scores[i].index)));
        host_json_add(list, entry);
    }
    free(scores);
    return list;
}

json_t *host_outputs_json(const oc_model_info *info, const oc_tensor *outputs,
                          const host_labels *labels, size_t top)
{
    json_t *list = host_json_list();
    for (size_t i = 0; i < info->n_outputs; i++) {
        json_t *output = host_json_desc(info->outputs[i].name, &outputs[i].desc);
        summary s = summarise(&info->outputs[i], &outputs[i]);
        host_json_put(output, "min", host_json_number(s.min));
        host_json_put(output, "max", host_json_number(s.max));
        host_json_put(output, "mean", host_json_number(s.mean));
        if (host_is_scores(&outputs[i].desc))
            host_json_put(output, "top", scores_json(&info->outputs[i], &outputs[i], labels, top));
        host_json_add(list, output);
    }
    return list;
}

bool host_answer(const oc_model_info *info, const oc_tensor *outputs, const host_labels *labels,
                 size_t *index, const char **label, double *value)
{
    for (size_t i = 0; i < info->n_outputs; i++) {
        if (!host_is_scores(&outputs[i].desc))
            continue;
        score *scores =
            sort_scores(&info->outputs[i], &outputs[i], count_of(&outputs[i].desc));
        *index = scores[0].index;
        *label = label_of(labels, scores[0].index);
        *value = scores[0].value;
        free(scores);
        return true;
    }
    return false;
}

char *host_answer_text(const oc_model_info *info, const oc_tensor *outputs,
                       const host_labels *labels, char text[HOST_ANSWER_TEXT])
{
    size_t index;
    const char *label;
    double value;
    if (!host_answer(info, outputs, labels, &index, &label, &value))
        snprintf(text, HOST_ANSWER_TEXT, "mean %.7g",
                 info->n_outputs ? summarise(&info->outputs[0], &outputs[0]).mean : (double)NAN);
    else if (*label)
        snprintf(text, HOST_ANSWER_TEXT, "%.40s (%.7g)", label, value);
    else
        snprintf(text, HOST_ANSWER_TEXT, "class %zu (%.7g)", index, value);
    return text;
}

/* ---- files ----------------------------------------------------------------------------------- */

/* "a/out.npy" and "scores/1" give "a/out-scores_1.npy". */
static char *path_of(const char *path, const char *name)
{
    const char *slash = strrchr(path, '/');
    const char *dot = strrchr(path, '.');
    size_t stem =
        dot && dot != path && (!slash || dot > slash + 1) ? (size_t)(dot - path) : strlen(path);
    char *text = host_text("%.*s-%s%s", (int)stem, path, name, path + stem);
    for (char *c = text + stem; *c; c++)
        if (*c == '/')
            *c = '_';
    return text;
}

/* Where output `i` goes. Freed by the caller. */
static char *file_of(const char *path, const oc_model_info *info, size_t i)
{
    return info->n_outputs == 1 ? host_text("%s", path) : path_of(path, info->outputs[i].name);
}

int host_outputs_check(const host_call *call, const char *path, const oc_model *model)
{
    const oc_model_info *info = oc_model_get_info(model);
    int status = HOST_OK;
    for (size_t i = 0; i < info->n_outputs && status == HOST_OK && path; i++) {
        char *file = file_of(path, info, i);
        status = host_model_spare(call, model, "--output", file);
        free(file);
    }
    return status;
}

int host_outputs_save(const host_call *call, const char *path, const oc_model_info *info,
                      const oc_tensor *outputs)
{
    int status = HOST_OK;
    for (size_t i = 0; i < info->n_outputs && status == HOST_OK; i++) {
        char *file = file_of(path, info, i);
        if (oc_npy_write(file, &outputs[i]) != OC_OK)
            status = host_fail_about(call, file);
        free(file);
    }
    return status;
}

bool host_outputs_equal(const oc_model_info *info, const oc_tensor *a, const oc_tensor *b)
{
    for (size_t i = 0; i < info->n_outputs; i++)
        if (memcmp(a[i].data, b[i].data, info->outputs[i].bytes) != 0)
            return false;
    return true;
}
