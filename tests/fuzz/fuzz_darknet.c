/* SPDX-License-Identifier: Apache-2.0 */
/** The importer darknet: the bytes up to the first 0 as the .cfg, what follows as the weights. */
#include "fuzz.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *end = size ? memchr(data, 0, size) : NULL;
    const size_t cfg = end ? (size_t)(end - data) : size, rest = end ? size - cfg - 1 : 0;
    fuzz_model("darknet", data, cfg, fuzz_file(1, end ? end + 1 : data, rest));
    return 0;
}
