/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Every model of tests/models/tflite on the reference device and on PoCL against what LiteRT's
 * reference kernels answered (tests/models/README.md): integers bit for bit, floats within 1e-5 of
 * the largest answer.
 */
#include "oc_test.h"
#include "rows.h"

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define TOLERANCE 1e-5 /* of the largest answer */
#define MODELS_MIN 40  /* fewer: the folder is not what it was */

static const char *const devices[] = {"reference", "pocl"};

static oc_test_path file_of(const char *name, const char *ending)
{
    char path[300];
    snprintf(path, sizeof(path), "tests/models/tflite/%s%s", name, ending);
    return oc_test_source(path);
}

static void check_floats(const char *what, const uint8_t *found, const uint8_t *expected,
                         size_t count)
{
    double largest = 0, worst = 0;
    for (size_t i = 0; i < count; i++) {
        float f, e;
        memcpy(&f, found + 4 * i, 4);
        memcpy(&e, expected + 4 * i, 4);
        largest = fmax(largest, fabs((double)e));
        worst = fmax(worst, fabs((double)f - (double)e));
        if (isnan(f) != isnan(e))
            fail_msg("%s: element %zu: expected %g, found %g", what, i, (double)e, (double)f);
    }
    if (!(worst <= TOLERANCE * largest))
        fail_msg("%s: off by %g of the largest answer, allowed are %g", what, worst / largest,
                 TOLERANCE);
}

static void check_bytes(const char *what, const uint8_t *found, const uint8_t *expected,
                        size_t count)
{
    size_t wrong = 0, first = 0;
    for (size_t i = 0; i < count; i++)
        if (found[i] != expected[i] && wrong++ == 0)
            first = i;
    if (wrong > 0)
        fail_msg("%s: %zu of %zu bytes differ; byte %zu: expected %u, found %u", what, wrong, count,
                 first, expected[first], found[first]);
}

static void check_device(const oc_model *model, const char *name, const char *device,
                         const oc_tensor *in, const oc_tensor *expected)
{
    const oc_model_info *info = oc_model_get_info(model);
    oc_tensor found;
    oc_assert_ok(rows_run(model, device, in, &found));
    assert_int_equal(found.desc.shape.dim[1], expected->desc.shape.dim[1]);
    size_t row = (size_t)found.desc.shape.dim[1];
    for (size_t r = 0; r < (size_t)found.desc.shape.dim[0]; r++) {
        const uint8_t *f = (const uint8_t *)found.data + r * row;
        const uint8_t *e = (const uint8_t *)expected->data + r * row;
        for (size_t i = 0; i < info->n_outputs; i++) {
            const oc_value_info *out = &info->outputs[i];
            char what[300];
            snprintf(what, sizeof(what), "%s on %s, sample %zu, output %s", name, device, r,
                     out->name);
            if (out->desc.dtype == OC_DTYPE_float32)
                check_floats(what, f, e, out->bytes / 4);
            else
                check_bytes(what, f, e, out->bytes);
            f += out->bytes;
            e += out->bytes;
        }
    }
    oc_tensor_free(&found, NULL);
}

static void check_model(const char *name)
{
    oc_test_path path = file_of(name, ".tflite"), given = file_of(name, "_in.npy"),
                 answers = file_of(name, "_out.npy");
    oc_model *model = NULL;
    oc_tensor in, expected;
    oc_assert_ok(oc_model_open(path.text, NULL, NULL, &model));
    oc_assert_ok(oc_npy_read(given.text, NULL, NULL, &in));
    oc_assert_ok(oc_npy_read(answers.text, NULL, NULL, &expected));
    for (size_t d = 0; d < OC_COUNT(devices); d++)
        check_device(model, name, devices[d], &in, &expected);
    oc_tensor_free(&in, NULL);
    oc_tensor_free(&expected, NULL);
    oc_model_destroy(model);
}

static void as_litert(void **state)
{
    (void)state;
    oc_test_path folder = oc_test_source("tests/models/tflite");
    const char *only = getenv("TFLITE_GOLDEN"); /* one model by name, when looking for a fault */
    size_t count = 0;
    DIR *dir = opendir(folder.text);
    assert_non_null(dir);
    for (const struct dirent *entry; (entry = readdir(dir));) {
        char name[256];
        snprintf(name, sizeof(name), "%s", entry->d_name);
        char *dot = strrchr(name, '.');
        if (!dot || strcmp(dot, ".tflite") != 0)
            continue;
        *dot = '\0';
        count++;
        if (!only || strcmp(only, name) == 0)
            check_model(name);
    }
    closedir(dir);
    assert_true(count >= MODELS_MIN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_litert),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
