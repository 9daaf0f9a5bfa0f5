/* SPDX-License-Identifier: Apache-2.0 */
/** What a network answered: for people, as JSON, and as .npy files. */
#ifndef HOST_OUTPUTS_H
#define HOST_OUTPUTS_H

#include "json.h"
#include "labels.h"
#include "model.h"

/** Whether an output is a score per class: one axis longer than 1. */
bool host_is_scores(const oc_desc *desc);

/** Each scores output must have as many classes as there are labels. Returns an exit status. */
int host_labels_check(const host_call *call, const host_labels *labels, const oc_model_info *info);

/**
 * The `top` classes of scores, with labels and values; of other outputs minimum, maximum and mean.
 */
void host_outputs_print(const oc_model_info *info, const oc_tensor *outputs,
                        const host_labels *labels, size_t top);
json_t *host_outputs_json(const oc_model_info *info, const oc_tensor *outputs,
                          const host_labels *labels, size_t top);

/**
 * The best class of the first scores output, with its value: "7 (0.9998)"; without one the first
 * output's mean. Returns `text`.
 */
#define HOST_ANSWER_TEXT 80
char *host_answer_text(const oc_model_info *info, const oc_tensor *outputs,
                       const host_labels *labels, char text[HOST_ANSWER_TEXT]);
/**
 * The label of the best class and its value; false when no output has scores. `*label` belongs to
 * `labels` or is "".
 */
bool host_answer(const oc_model_info *info, const oc_tensor *outputs, const host_labels *labels,
                 size_t *index, const char **label, double *value);

/**
 * Write the output to `path`; of several outputs each to its own file: out.npy becomes out-
 * NAME.npy. Returns an exit status.
 */
int host_outputs_save(const host_call *call, const char *path, const oc_model_info *info,
                      const oc_tensor *outputs);

/** None of the files that host_outputs_save would write is one of the model's. `path` may be NULL. Returns an exit status. */
int host_outputs_check(const host_call *call, const char *path, const oc_model *model);

/** The same bytes in all outputs. */
bool host_outputs_equal(const oc_model_info *info, const oc_tensor *a, const oc_tensor *b);

#endif
