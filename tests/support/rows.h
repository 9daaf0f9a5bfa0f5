/* SPDX-License-Identifier: Apache-2.0 */
/** Many inputs through one model, as rows of bytes: what tests/models/tflite_golden.py writes. */
#ifndef ROWS_H
#define ROWS_H

#include <offcut/offcut.h>

/**
 * `in` is uint8 [rows, bytes of all inputs, one after another], `*out` becomes uint8 [rows, bytes of
 * all outputs]. Owns: the caller frees `*out` with oc_tensor_free. Errors: those of the library, and
 * OC_E_SHAPE where the rows have another size.
 */
oc_status rows_run(const oc_model *model, const char *device, const oc_tensor *in, oc_tensor *out);

#endif
