/* SPDX-License-Identifier: Apache-2.0 */
/** The picture formats, and what makes a tensor of a picture. */
#include "fuzz.h"

#include "oc_image.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const oc_desc desc = {OC_DTYPE_float32, {4, {1, 5, 7, 3}}};
    const oc_limits limits = {.memory_bytes = 1 << 22};
    oc_image image = {0};
    oc_tensor tensor = {0};
    oc_status status = oc_image_decode((oc_bytes){data, size}, &limits, NULL, &image);
    if (status != OC_OK) {
        fuzz_check_refusal(status);
        FUZZ_CHECK(image.pixels == NULL);
        return 0;
    }
    FUZZ_CHECK(image.width > 0 && image.height > 0);
    status = oc_image_to_tensor(&image, &desc, OC_IMAGE_NHWC, NULL, NULL, &tensor);
    if (status != OC_OK)
        fuzz_check_refusal(status);
    oc_tensor_free(&tensor, NULL);
    oc_image_free(&image, NULL);
    return 0;
}
