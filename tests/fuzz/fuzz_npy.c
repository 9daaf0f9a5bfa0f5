/* SPDX-License-Identifier: Apache-2.0 */
/** .npy files: what is read is written and read again as the same. */
#include "fuzz.h"

#include "oc_tensor.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const oc_limits limits = {.memory_bytes = 1 << 22};
    oc_tensor tensor = {0};
    oc_desc head;
    size_t offset, bytes;
    oc_status status = oc_npy_read(fuzz_file(0, data, size), &limits, NULL, &tensor);
    if (status != OC_OK) {
        fuzz_check_refusal(status);
        return 0;
    }
    FUZZ_CHECK(oc_npy_parse_head((oc_bytes){data, size}, &head, &offset) == OC_OK);
    FUZZ_CHECK(oc_desc_equal(&head, &tensor.desc));
    FUZZ_CHECK(oc_desc_bytes(&head, &bytes) == OC_OK && bytes <= size - offset);
    FUZZ_CHECK(bytes == 0 || memcmp(tensor.data, data + offset, bytes) == 0);
    oc_tensor_free(&tensor, NULL);
    return 0;
}
