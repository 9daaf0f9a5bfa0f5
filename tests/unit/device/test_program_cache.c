/* SPDX-License-Identifier: Apache-2.0 */
/* Programs of several kernels, and their binaries, kept from one start of a device to the next. */
#include "oc_test.h"

#include "oc_device.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { N = 64 };

#define KERNELS "cache-kernels"
#define FOLDER "program-cache"

/* ---- y = FACTOR x, behind braces that count wrongly, and a macro whose value is its own -------- */

static const char scale_cl[] = "#ifndef SHARE\n#define SHARE 1.0f\n#endif\n"
                               "#if 1\n"
                               "static inline float first(float a) {\n"
                               "#else\n"
                               "static inline float first(int a) {\n"
                               "#endif\n"
                               "    return a * SHARE;\n"
                               "}\n"
                               "__kernel void scale(__global const float *x, __global float *y)\n"
                               "{\n"
                               "    y[get_global_id(0)] = first(x[get_global_id(0)]) * FACTOR;\n"
                               "}\n";

/*
 * z = (y + 1) FACTOR, with all that a part of a program has to keep to itself, and a header that parts
 * have in common; DECLARE, if it is defined, declares what nothing but a compiler sees.
 */
static const char common_h[] = "#ifndef COMMON_H\n#define COMMON_H\n"
                               "#define ONE 1.0f /* of all */\n"
                               "typedef float common;\n"
                               "static inline common add(common a, common b) { return a + b; }\n"
                               "#endif\n";
static const char shift_cl[] =
    "/* { a comment's brace, '# define' */\n"
    "#include \"common.h\"\n"
    "#ifndef SHARE\n#define SHARE 0.0f\n#endif\n"
    "#define SCALED(x_) \\\n    ((x_) * FACTOR)\n"
    "typedef struct pair { common a, b; } pair;\n"
    "typedef common two[1 + 1];\n"
    "__constant two ones = {ONE};\n"
    "#ifdef DECLARE\n"
    "#define SECRET(name_) int name_(int x) { return x; }\n"
    "SECRET(secret)\n"
    "#endif\n"
    "static inline common apply(pair p) { return SCALED(add(p.a, p.b)) + SHARE; }\n"
    "__kernel void shift(__global const float *x, __global float *y)\n"
    "{\n"
    "    pair p = {x[get_global_id(0)], ones[0]};\n"
    "    y[get_global_id(0)] = apply(p);\n"
    "}\n";

static float factor = 2;
static const char *declare = "";

static oc_status scale_launch(const oc_op_call *call, const oc_traits *traits, oc_launch_list *list)
{
    oc_launch *launch;
    (void)call;
    (void)traits;
    OC_TRY(oc_launch_add(list, "scale", "scale", &launch));
    OC_TRY(oc_launch_define_float(launch, "FACTOR", factor));
    oc_launch_arg_add(launch, (oc_launch_arg){.kind = OC_ARG_IN, .index = 0});
    oc_launch_arg_add(launch, (oc_launch_arg){.kind = OC_ARG_OUT, .index = 0});
    oc_launch_range(launch, N, 1, 1);
    return OC_OK;
}

static oc_status add_shift(oc_launch_list *list, float by, oc_arg_kind from, oc_arg_kind to)
{
    oc_launch *launch;
    OC_TRY(oc_launch_add(list, "shift", "shift", &launch));
    OC_TRY(oc_launch_define_float(launch, "FACTOR", by));
    OC_TRY(oc_launch_define(launch, "%s", declare));
    oc_launch_arg_add(launch, (oc_launch_arg){.kind = from, .bytes = N * sizeof(float)});
    oc_launch_arg_add(launch, (oc_launch_arg){.kind = to, .bytes = N * sizeof(float)});
    oc_launch_range(launch, N, 1, 1);
    return OC_OK;
}

/* y = ((x + 1) 2 + 1) 3, then y = y factor: three kernels of two texts. */
static oc_status three_launch(const oc_op_call *call, const oc_traits *traits, oc_launch_list *list)
{
    OC_TRY(add_shift(list, 2, OC_ARG_IN, OC_ARG_SCRATCH));
    OC_TRY(add_shift(list, 3, OC_ARG_SCRATCH, OC_ARG_OUT));
    OC_TRY(scale_launch(call, traits, list));
    list->items[2].args[0] = (oc_launch_arg){.kind = OC_ARG_OUT};
    return OC_OK;
}

static const oc_op three_op = {
    .name = "three", .in_min = 1, .in_max = 1, .n_out = 1, .launch = three_launch};
static const oc_op scale_op = {
    .name = "scale", .in_min = 1, .in_max = 1, .n_out = 1, .launch = scale_launch};

typedef struct lines {
    int warnings, programs, apart;
    char last[600];
} lines;

static void count_line(void *ctx, oc_log_level level, const char *line)
{
    lines *to = ctx;
    to->warnings += level >= OC_LOG_WARN;
    to->programs += strstr(line, " parts was ") != NULL;
    to->apart += strstr(line, "one by one") != NULL;
    snprintf(to->last, sizeof(to->last), "%s", line);
}

static oc_dev *open_dev(const char *folder, uint32_t threads, const oc_log_sink *log)
{
    oc_dev *dev;
    const oc_dev_options options = {
        .threads = threads, .kernel_dir = KERNELS, .cache_dir = folder, .log = log};
    oc_assert_ok(oc_dev_open("pocl", &options, NULL, &dev));
    return dev;
}

/* What the operator makes of 3. `is_expected`: it was announced. */
static float run_op(oc_dev *dev, const oc_op *op, bool is_expected)
{
    static const bool is_const[1] = {false};
    const oc_dev_type *type = dev->type;
    const oc_desc desc = {OC_DTYPE_float32, {.rank = 1, .dim = {N}}};
    const oc_desc *descs[1] = {&desc};
    const oc_op_call call = {.op = op,
                             .name = op->name,
                             .n_in = 1,
                             .n_out = 1,
                             .in = descs,
                             .out = descs,
                             .is_const = is_const};
    const oc_dev_task task = {.call = &call};
    float x[N], y[N] = {0};
    oc_dev_node *node;
    oc_dev_mem *in, *out, *scratch;
    oc_dev_bound *bound;
    oc_dev_queue *queue;
    size_t bytes;
    for (size_t i = 0; i < N; i++)
        x[i] = 3;
    if (is_expected)
        oc_assert_ok(type->expect(dev, &task, 1));
    oc_assert_ok(type->prepare(dev, &task, &node, &bytes));
    oc_assert_ok(type->mem_create(dev, type->scratch_bytes(dev, node), &scratch));
    oc_assert_ok(type->mem_create(dev, sizeof(x), &in));
    oc_assert_ok(type->mem_create(dev, sizeof(y), &out));
    oc_assert_ok(type->bind(dev, node, &in, &out, scratch, &bound));
    oc_assert_ok(type->queue_create(dev, &queue));
    oc_assert_ok(type->write(queue, in, x, sizeof(x)));
    oc_assert_ok(type->run(queue, &bound, 1));
    oc_assert_ok(type->read(queue, out, y, sizeof(y)));
    oc_assert_ok(oc_dev_queue_wait(dev, queue, OC_NEVER_NS));
    type->queue_destroy(dev, queue);
    type->unbind(dev, bound);
    type->mem_destroy(dev, out);
    type->mem_destroy(dev, in);
    type->mem_destroy(dev, scratch);
    type->unprepare(dev, node);
    for (size_t i = 1; i < N; i++)
        assert_true(y[i] == y[0]);
    return y[0];
}

static float run_scale(oc_dev *dev)
{
    return run_op(dev, &scale_op, false);
}

/* One start: what it computes, and how many warnings it gives. */
static float start(const char *folder, uint32_t threads, int *warnings)
{
    lines seen = {.warnings = 0};
    const oc_log_sink sink = {.ctx = &seen, .level = OC_LOG_WARN, .write = count_line};
    oc_dev *dev = open_dev(folder, threads, &sink);
    const float y = run_scale(dev);
    oc_dev_close(dev);
    *warnings = seen.warnings;
    return y;
}

/* ---- the folder ---------------------------------------------------------------------------- */

/* The files in it; the last one's name. */
static int list_files(char name[OC_DIGEST_TEXT])
{
    int count = 0;
    DIR *dir = opendir(FOLDER);
    if (dir == NULL)
        return 0;
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        if (entry->d_name[0] == '.')
            continue;
        assert_int_equal(strlen(entry->d_name), OC_DIGEST_TEXT - 1);
        memcpy(name, entry->d_name, OC_DIGEST_TEXT);
        count++;
    }
    closedir(dir);
    return count;
}

static ino_t only_file(char path[200])
{
    char name[OC_DIGEST_TEXT];
    struct stat info;
    assert_int_equal(list_files(name), 1);
    snprintf(path, 200, FOLDER "/%s", name);
    assert_int_equal(stat(path, &info), 0);
    return info.st_ino;
}

static oc_digest key_of_file(void)
{
    char name[OC_DIGEST_TEXT];
    oc_digest key;
    assert_int_equal(list_files(name), 1);
    oc_assert_ok(oc_digest_parse(name, &key));
    return key;
}

static int start_afresh(void **state)
{
    (void)state;
    factor = 2;
    if (system("rm -rf " FOLDER " " KERNELS) != 0 || mkdir(KERNELS, 0777) != 0)
        return -1;
    declare = "";
    return oc_file_replace(KERNELS "/scale.cl", scale_cl, strlen(scale_cl)) == OC_OK &&
                   oc_file_replace(KERNELS "/shift.cl", shift_cl, strlen(shift_cl)) == OC_OK &&
                   oc_file_replace(KERNELS "/common.h", common_h, strlen(common_h)) == OC_OK
               ? 0
               : -1;
}

/* ---- tests --------------------------------------------------------------------------------- */

static void the_second_start_takes_what_the_first_kept(void **state)
{
    char path[200], name[OC_DIGEST_TEXT];
    int warnings;
    (void)state;
    assert_true(start(NULL, 0, &warnings) == 6);
    assert_int_equal(list_files(name), 0);
    assert_true(start(FOLDER, 0, &warnings) == 6);
    assert_int_equal(warnings, 0);
    const ino_t first = only_file(path);
    assert_true(start(FOLDER, 0, &warnings) == 6);
    assert_int_equal(warnings, 0);
    assert_true(only_file(path) == first);
    /* A part of the CPU is the same device with the same code. */
    assert_true(start(FOLDER, 1, &warnings) == 6);
    assert_int_equal(warnings, 0);
    assert_true(only_file(path) == first);
}

/* The proof that the binary is what runs: one of another program under this one's key. */
static void the_kept_binary_is_what_runs(void **state)
{
    int warnings;
    oc_cache *cache;
    oc_bytes of_two;
    (void)state;
    assert_true(start(FOLDER, 0, &warnings) == 6);
    const oc_digest two = key_of_file();
    oc_assert_ok(oc_cache_create(FOLDER, NULL, NULL, &cache));
    assert_true(oc_cache_get(cache, &two, &of_two));
    assert_int_equal(system("rm -rf " FOLDER), 0);
    factor = 5;
    assert_true(start(FOLDER, 0, &warnings) == 15);
    const oc_digest five = key_of_file();
    assert_false(oc_digest_equal(&two, &five));
    oc_cache_put(cache, &five, of_two);
    assert_true(start(FOLDER, 0, &warnings) == 6);
    assert_int_equal(warnings, 0);
    oc_free(NULL, (void *)of_two.data);
    oc_cache_destroy(cache);
}

static void another_text_or_option_is_another_program(void **state)
{
    static const char other_cl[] = "__kernel void scale(__global const float *x, __global float *y)"
                                   "{ y[get_global_id(0)] = x[get_global_id(0)] - FACTOR; }\n";
    int warnings;
    char name[OC_DIGEST_TEXT];
    (void)state;
    assert_true(start(FOLDER, 0, &warnings) == 6);
    factor = 4;
    assert_true(start(FOLDER, 0, &warnings) == 12);
    oc_assert_ok(oc_file_replace(KERNELS "/scale.cl", other_cl, strlen(other_cl)));
    assert_true(start(FOLDER, 0, &warnings) == -1);
    assert_int_equal(warnings, 0);
    assert_int_equal(list_files(name), 3);
}

static void a_corrupt_file_is_made_again(void **state)
{
    char path[200];
    int warnings;
    oc_bytes file;
    (void)state;
    assert_true(start(FOLDER, 0, &warnings) == 6);
    only_file(path);
    oc_assert_ok(oc_file_slurp(path, 1 << 24, NULL, &file));
    uint8_t *bad = (uint8_t *)file.data;
    for (size_t i = 0; i < 8; i++) {
        const size_t at = i * (file.size - 1) / 7;
        bad[at] ^= 0x10;
        oc_assert_ok(oc_file_replace(path, bad, i % 2 == 0 ? file.size : at));
        bad[at] ^= 0x10;
        assert_true(start(FOLDER, 0, &warnings) == 6);
        assert_int_equal(warnings, 1);
        assert_true(start(FOLDER, 0, &warnings) == 6);
        assert_int_equal(warnings, 0);
    }
    oc_free(NULL, (void *)file.data);
}

/* Whole by its digest, but nothing that the driver knows. */
static void what_the_driver_refuses_is_made_again(void **state)
{
    static const uint8_t odd[] = "this is no program of any device";
    int warnings;
    oc_cache *cache;
    (void)state;
    assert_true(start(FOLDER, 0, &warnings) == 6);
    const oc_digest key = key_of_file();
    oc_assert_ok(oc_cache_create(FOLDER, NULL, NULL, &cache));
    for (size_t size = 0; size <= sizeof(odd); size += sizeof(odd)) {
        oc_cache_put(cache, &key, (oc_bytes){.data = odd, .size = size});
        assert_true(start(FOLDER, 0, &warnings) == 6);
        assert_int_equal(warnings, 1);
        assert_true(start(FOLDER, 0, &warnings) == 6);
        assert_int_equal(warnings, 0);
    }
    oc_cache_destroy(cache);
}

static void a_folder_that_takes_nothing_costs_only_time(void **state)
{
    int warnings;
    (void)state;
    /* procfs takes no file, from root neither. */
    assert_true(start("/proc/self/offcut", 0, &warnings) == 6);
    assert_int_equal(warnings, 1);
    assert_true(start("/dev/null", 0, &warnings) == 6);
    assert_int_equal(warnings, 1);
}

static void two_at_once_keep_the_same(void **state)
{
    lines seen = {.warnings = 0};
    const oc_log_sink sink = {.ctx = &seen, .level = OC_LOG_WARN, .write = count_line};
    char path[200];
    int warnings;
    (void)state;
    oc_dev *a = open_dev(FOLDER, 0, &sink), *b = open_dev(FOLDER, 0, &sink);
    assert_true(run_scale(a) == 6);
    assert_true(run_scale(b) == 6);
    oc_dev_close(a);
    oc_dev_close(b);
    only_file(path);
    assert_true(start(FOLDER, 0, &warnings) == 6);
    assert_int_equal(warnings + seen.warnings, 0);
}

static lines start_three(const char *folder, bool is_expected)
{
    lines seen = {.warnings = 0};
    const oc_log_sink sink = {.ctx = &seen, .level = OC_LOG_DEBUG, .write = count_line};
    oc_dev *dev = open_dev(folder, 0, &sink);
    assert_true(run_op(dev, &three_op, is_expected) == ((3 + 1) * 2 + 1) * 3 * 2);
    oc_dev_close(dev);
    assert_int_equal(seen.warnings, 0);
    return seen;
}

static void what_is_needed_together_is_one_program(void **state)
{
    char path[200];
    (void)state;
    lines seen = start_three(NULL, false);
    assert_int_equal(seen.programs, 3);
    seen = start_three(NULL, true);
    assert_int_equal(seen.programs, 1);
    assert_int_equal(seen.apart, 0);
    for (int i = 0; i < 2; i++) {
        seen = start_three(FOLDER, true);
        assert_int_equal(seen.programs, 1);
        only_file(path);
    }
}

/* A name that only the preprocessor makes is not seen to be declared twice, except by the compiler. */
static void what_cannot_be_built_together_is_built_apart(void **state)
{
    (void)state;
    declare = "-DDECLARE";
    lines seen = start_three(NULL, true);
    assert_int_equal(seen.apart, 1);
    assert_int_equal(seen.programs, 3);
    declare = "-cl-no-signed-zeros";
    seen = start_three(NULL, true);
    assert_int_equal(seen.apart, 0);
    assert_int_equal(seen.programs, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_second_start_takes_what_the_first_kept, start_afresh),
        cmocka_unit_test_setup(the_kept_binary_is_what_runs, start_afresh),
        cmocka_unit_test_setup(another_text_or_option_is_another_program, start_afresh),
        cmocka_unit_test_setup(a_corrupt_file_is_made_again, start_afresh),
        cmocka_unit_test_setup(what_the_driver_refuses_is_made_again, start_afresh),
        cmocka_unit_test_setup(a_folder_that_takes_nothing_costs_only_time, start_afresh),
        cmocka_unit_test_setup(what_is_needed_together_is_one_program, start_afresh),
        cmocka_unit_test_setup(what_cannot_be_built_together_is_built_apart, start_afresh),
        cmocka_unit_test_setup(two_at_once_keep_the_same, start_afresh),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
