/* SPDX-License-Identifier: Apache-2.0 */
/**
 * MNIST's whole test set through mnist_8 on the default device: picture by picture the class that
 * ONNX Runtime gives (tests/models/README.md).
 */
#include "oc_test.h"

#include <offcut/offcut.h>
#include <stdio.h>
#include <stdlib.h>

enum { PICTURES = 10000, SIDE = 28, PIXELS = SIDE * SIDE, CLASSES = 10 };
/* Those whose class is their label: 98.91 % by ONNX Runtime. */
enum { LABELLED = 9891 };

/* ---- files ------------------------------------------------------------------------------------ */

/* A file of MNIST behind its head of `head` bytes, which begins with `magic`, high byte first. */
static uint8_t *read_idx(const char *name, uint32_t magic, size_t head, size_t size)
{
    oc_test_path path = oc_test_asset(name);
    char command[sizeof(path.text) + 20];
    uint8_t first[16], *data = malloc(size);
    snprintf(command, sizeof(command), "gzip -dc '%s'", path.text);
    FILE *pipe = popen(command, "r");
    assert_non_null(data);
    assert_non_null(pipe);
    assert_int_equal(fread(first, 1, head, pipe), head);
    assert_int_equal(first[0] << 24 | first[1] << 16 | first[2] << 8 | first[3], magic);
    assert_int_equal(first[4] << 24 | first[5] << 16 | first[6] << 8 | first[7], PICTURES);
    assert_int_equal(fread(data, 1, size, pipe), size);
    assert_int_equal(fgetc(pipe), EOF);
    assert_int_equal(pclose(pipe), 0);
    return data;
}

/* The golden classes, as digits; line ends are left out. */
static void read_classes(char *classes)
{
    oc_test_path path = oc_test_source("tests/models/mnist_8_classes.txt");
    FILE *file = fopen(path.text, "r");
    size_t count = 0;
    assert_non_null(file);
    for (int c; (c = fgetc(file)) != EOF;)
        if (c != '\n') {
            assert_true(count < PICTURES && c >= '0' && c <= '9');
            classes[count++] = (char)(c - '0');
        }
    fclose(file);
    assert_int_equal(count, PICTURES);
}

/* ---- running ---------------------------------------------------------------------------------- */

static int classify(oc_session *session, const uint8_t *pixels, oc_tensor *in, oc_tensor *out)
{
    float *x = in->data;
    const float *y = out->data;
    int best = 0;
    for (size_t i = 0; i < PIXELS; i++)
        x[i] = (float)pixels[i];
    oc_assert_ok(oc_session_run(session, in, 1, out, 1, NULL));
    for (int i = 1; i < CLASSES; i++)
        best = y[i] > y[best] ? i : best;
    return best;
}

static void every_picture(void **state)
{
    (void)state;
    static char expected[PICTURES];
    oc_test_path path = oc_test_asset("onnx/mnist_8/model.onnx");
    uint8_t *pictures = read_idx("data/mnist/t10k-images-idx3-ubyte.gz", 0x803, 16,
                                 (size_t)PICTURES * PIXELS);
    uint8_t *labels = read_idx("data/mnist/t10k-labels-idx1-ubyte.gz", 0x801, 8, PICTURES);
    oc_model *model = NULL;
    oc_prepared *prepared = NULL;
    oc_session *session = NULL;
    oc_tensor in, out;
    size_t wrong = 0, labelled = 0;
    read_classes(expected);
    oc_assert_ok(oc_model_open(path.text, NULL, NULL, &model));
    const oc_model_info *info = oc_model_get_info(model);
    assert_int_equal(info->inputs[0].bytes, PIXELS * sizeof(float));
    assert_int_equal(info->outputs[0].bytes, CLASSES * sizeof(float));
    oc_assert_ok(oc_tensor_alloc(&info->inputs[0].desc, NULL, &in));
    oc_assert_ok(oc_tensor_alloc(&info->outputs[0].desc, NULL, &out));
    oc_assert_ok(oc_prepare(model, NULL, NULL, &prepared));
    oc_assert_ok(oc_session_create(prepared, NULL, NULL, &session));
    for (size_t i = 0; i < PICTURES; i++) {
        int class = classify(session, pictures + i * PIXELS, &in, &out);
        if (class != expected[i] && wrong++ < 10)
            print_error("picture %zu: expected class %d, found %d\n", i, expected[i], class);
        labelled += class == labels[i];
    }
    print_message("%zu of %d pictures as labelled\n", labelled, PICTURES);
    assert_int_equal(wrong, 0);
    assert_int_equal(labelled, LABELLED);
    oc_session_destroy(session);
    oc_prepared_destroy(prepared);
    oc_model_destroy(model);
    oc_tensor_free(&in, NULL);
    oc_tensor_free(&out, NULL);
    free(pictures);
    free(labels);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_picture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
