/* SPDX-License-Identifier: Apache-2.0 */
/* Names the class that a network sees in a picture.
 * Run: classify tests/models/lenet5.tflite tests/models/digits/7.png */
#include <offcut/offcut.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    oc_model *model = NULL;
    oc_prepared *prepared = NULL;
    oc_session *session = NULL;
    oc_image image = {0};
    oc_tensor input = {0}, output = {0};
    int status = 1;

    if (argc != 3) {
        fprintf(stderr, "usage: classify MODEL PICTURE\n");
        return 2;
    }
    /* The model, made runnable on a device (NULL: the default), and a session to run it. */
    if (oc_model_open(argv[1], NULL, NULL, &model) || oc_prepare(model, NULL, NULL, &prepared) ||
        oc_session_create(prepared, NULL, NULL, &session))
        goto failed;
    /* The picture as the model's input: [1,H,W,C], pixel / 255. */
    const oc_model_info *info = oc_model_get_info(model);
    const oc_image_norm norm = {.n = 1, .mean = {0.0f}, .scale = {1.0f / 255.0f}};
    if (oc_image_read(argv[2], NULL, NULL, &image) ||
        oc_image_to_tensor(&image, &info->inputs[0].desc, OC_IMAGE_NHWC, &norm, NULL, &input) ||
        oc_tensor_alloc(&info->outputs[0].desc, NULL, &output) ||
        oc_session_run(session, &input, 1, &output, 1, NULL))
        goto failed;
    const float *scores = output.data;
    size_t best = 0;
    for (size_t i = 1; i < info->outputs[0].bytes / sizeof(*scores); i++)
        best = scores[i] > scores[best] ? i : best;
    printf("class %zu, %.4f\n", best, scores[best]);
    status = 0;
failed:
    if (status != 0)
        fprintf(stderr, "classify: %s\n", oc_error_text());
    oc_tensor_free(&output, NULL);
    oc_tensor_free(&input, NULL);
    oc_image_free(&image, NULL);
    oc_session_destroy(session);
    oc_prepared_destroy(prepared);
    oc_model_destroy(model);
    return status;
}
