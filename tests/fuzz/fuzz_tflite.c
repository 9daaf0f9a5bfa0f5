/* SPDX-License-Identifier: Apache-2.0 */
/** The importer tflite: any bytes as a model. */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_model("tflite", data, size, NULL);
    return 0;
}
