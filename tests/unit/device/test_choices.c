/* SPDX-License-Identifier: Apache-2.0 */
/* What launches choose, kept from one start of a device to the next. */
#include "oc_test.h"

#include "oc_device.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define KERNELS "choice-kernels"
#define FOLDER "choice-cache"

/* ---- y = FACTOR x, where FACTOR is what was chosen: so that one sees it ---------------------- */

static const char scale_cl[] = "__kernel void scale(__global const float *x, __global float *y)\n"
                               "{\n"
                               "    y[get_global_id(0)] = x[get_global_id(0)] * FACTOR;\n"
                               "}\n";

static oc_status scale_launch(const oc_op_call *call, const oc_traits *traits, oc_launch_list *list)
{
    static const int32_t others[] = {3, 5};
    oc_launch *launch;
    (void)traits;
    const int32_t factor = oc_launch_choose(list, "factor", 2, others, OC_COUNT(others));
    OC_TRY(oc_launch_add(list, "scale", "scale", &launch));
    OC_TRY(oc_launch_define(launch, "-DFACTOR=%d", (int)factor));
    oc_launch_arg_add(launch, (oc_launch_arg){.kind = OC_ARG_IN, .index = 0});
    oc_launch_arg_add(launch, (oc_launch_arg){.kind = OC_ARG_OUT, .index = 0});
    oc_launch_range(launch, (size_t)call->in[0]->shape.dim[0], 1, 1);
    return OC_OK;
}

typedef struct attrs {
    int32_t number;
} attrs;

static const oc_attr rows[] = {
    {.name = "number", .type = OC_ATTR_INT, .offset = offsetof(attrs, number)}};

static const oc_op scale_op = {.name = "scale",
                               .attrs = rows,
                               .n_attrs = OC_COUNT(rows),
                               .attrs_size = sizeof(attrs),
                               .in_min = 1,
                               .in_max = 1,
                               .n_out = 1,
                               .numerics = "direct",
                               .launch = scale_launch};
static const oc_op other_op = {.name = "other",
                               .attrs = rows,
                               .n_attrs = OC_COUNT(rows),
                               .attrs_size = sizeof(attrs),
                               .in_min = 1,
                               .in_max = 1,
                               .n_out = 1,
                               .numerics = "direct",
                               .launch = scale_launch};

/* A call and what it points to. */
typedef struct scale {
    attrs attrs;
    oc_desc desc;
    const oc_desc *descs[1];
    bool is_const[1];
    oc_op_call call;
} scale;

static const oc_op_call *scale_call(scale *s, const oc_op *op, int32_t n, int32_t number)
{
    *s = (scale){.attrs = {number}, .desc = {OC_DTYPE_float32, {.rank = 1, .dim = {n}}}};
    s->descs[0] = &s->desc;
    s->call = (oc_op_call){.op = op,
                           .name = "scale",
                           .attrs = &s->attrs,
                           .numerics = op->numerics,
                           .n_in = 1,
                           .n_out = 1,
                           .in = s->descs,
                           .out = s->descs,
                           .is_const = s->is_const};
    return &s->call;
}

/* ---- a start ------------------------------------------------------------------------------- */

typedef struct lines {
    int warnings;
    char last[600];
} lines;

static void count_line(void *ctx, oc_log_level level, const char *line)
{
    lines *to = ctx;
    if (level < OC_LOG_WARN)
        return;
    to->warnings++;
    snprintf(to->last, sizeof(to->last), "%s", line);
}

static lines seen;
static const oc_log_sink sink = {.ctx = &seen, .level = OC_LOG_WARN, .write = count_line};

static oc_dev *open_dev(const char *folder, uint32_t threads)
{
    oc_dev *dev;
    const oc_dev_options options = {
        .threads = threads, .kernel_dir = KERNELS, .cache_dir = folder, .log = &sink};
    seen = (lines){.warnings = 0};
    oc_assert_ok(oc_dev_open("pocl", &options, NULL, &dev));
    return dev;
}

/* What the kernel makes of 1: what was chosen. */
static int run(oc_dev *dev, const oc_op_call *call, const char *choices, bool is_trial)
{
    const oc_dev_type *type = dev->type;
    const oc_dev_task task = {.call = call, .choices = choices, .is_trial = is_trial};
    float x[8] = {1}, y[8] = {0};
    oc_dev_node *node;
    oc_dev_mem *in, *out;
    oc_dev_bound *bound;
    oc_dev_queue *queue;
    size_t bytes;
    oc_assert_ok(type->prepare(dev, &task, &node, &bytes));
    oc_assert_ok(type->mem_create(dev, sizeof(x), &in));
    oc_assert_ok(type->mem_create(dev, sizeof(y), &out));
    oc_assert_ok(type->bind(dev, node, &in, &out, NULL, &bound));
    oc_assert_ok(type->queue_create(dev, &queue));
    oc_assert_ok(type->write(queue, in, x, sizeof(x)));
    oc_assert_ok(type->run(queue, &bound, 1));
    oc_assert_ok(type->read(queue, out, y, sizeof(y)));
    oc_assert_ok(oc_dev_queue_wait(dev, queue, OC_NEVER_NS));
    type->queue_destroy(dev, queue);
    type->unbind(dev, bound);
    type->mem_destroy(dev, out);
    type->mem_destroy(dev, in);
    type->unprepare(dev, node);
    return (int)y[0];
}

static oc_digest key_of(oc_dev *dev, const oc_op_call *call)
{
    oc_choices choices;
    oc_digest key;
    oc_assert_ok(dev->type->tuner->choices(dev, call, NULL, &choices, &key));
    assert_int_equal(choices.count, 1);
    return key;
}

/* One start: what the call computes. Warnings are in `seen`. */
static int start(const char *folder, uint32_t threads, const oc_op_call *call)
{
    oc_dev *dev = open_dev(folder, threads);
    const int y = run(dev, call, NULL, false);
    oc_dev_close(dev);
    return y;
}

static int count_files(void)
{
    int count = 0;
    DIR *dir = opendir(FOLDER);
    if (dir == NULL)
        return 0;
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;)
        count += entry->d_name[0] != '.';
    closedir(dir);
    return count;
}

static int start_afresh(void **state)
{
    (void)state;
    if (system("rm -rf " FOLDER " " KERNELS) != 0 || mkdir(KERNELS, 0777) != 0)
        return -1;
    return oc_file_replace(KERNELS "/scale.cl", scale_cl, strlen(scale_cl)) == OC_OK ? 0 : -1;
}

/* ---- tests --------------------------------------------------------------------------------- */

static void what_is_kept_is_chosen_in_later_starts(void **state)
{
    scale s;
    char text[OC_CHOICE_TEXT];
    (void)state;
    const oc_op_call *call = scale_call(&s, &scale_op, 8, 0);
    assert_int_equal(start(NULL, 0, call), 2);
    assert_int_equal(start(FOLDER, 0, call), 2);
    oc_dev *dev = open_dev(FOLDER, 0);
    const oc_digest key = key_of(dev, call);
    assert_false(dev->type->tuner->kept(dev, &key, text));
    assert_true(dev->type->tuner->keep(dev, &key, "factor=5"));
    assert_true(dev->type->tuner->kept(dev, &key, text));
    assert_string_equal(text, "factor=5");
    assert_int_equal(run(dev, call, NULL, false), 5);
    /* Who says what it wants gets that. */
    assert_int_equal(run(dev, call, "", false), 2);
    assert_int_equal(run(dev, call, "factor=3", false), 3);
    assert_int_equal(run(dev, call, "factor=4", false), 2);
    oc_dev_close(dev);
    assert_int_equal(start(FOLDER, 0, call), 5);
    assert_int_equal(start(NULL, 0, call), 2);
    assert_int_equal(seen.warnings, 0);
    /* Without a cache nothing is kept, and that is said. */
    dev = open_dev(NULL, 0);
    assert_false(dev->type->tuner->keep(dev, &key, "factor=3"));
    assert_int_equal(run(dev, call, NULL, false), 2);
    oc_dev_close(dev);
}

/* A key is of all that the quickest choice depends on. */
static void what_is_kept_holds_for_nothing_else(void **state)
{
    scale s, others[4];
    (void)state;
    const oc_op_call *call = scale_call(&s, &scale_op, 8, 0);
    scale_call(&others[0], &scale_op, 7, 0);
    scale_call(&others[1], &scale_op, 8, 1);
    scale_call(&others[2], &other_op, 8, 0);
    scale_call(&others[3], &scale_op, 8, 0);
    others[3].call.numerics = "other";
    oc_dev *dev = open_dev(FOLDER, 0);
    const uint32_t units = dev->info.compute_units;
    const oc_digest key = key_of(dev, call);
    assert_true(dev->type->tuner->keep(dev, &key, "factor=5"));
    for (size_t i = 0; i < OC_COUNT(others); i++) {
        const oc_digest other = key_of(dev, &others[i].call);
        assert_false(oc_digest_equal(&other, &key));
        assert_int_equal(run(dev, &others[i].call, NULL, false), 2);
    }
    oc_dev_close(dev);
    assert_int_equal(start(FOLDER, 1, call), units == 1 ? 5 : 2);
    assert_int_equal(start(FOLDER, units, call), 5);
    /* Other kernels are other choices. */
    const char *edited =
        "/* faster */ __kernel void scale(__global const float *x, "
        "__global float *y) { y[get_global_id(0)] = x[get_global_id(0)] * FACTOR; }";
    oc_assert_ok(oc_file_replace(KERNELS "/scale.cl", edited, strlen(edited)));
    assert_int_equal(start(FOLDER, 0, call), 2);
    assert_int_equal(seen.warnings, 0);
}

static void a_text_that_is_no_choice_costs_one_warning(void **state)
{
    static const char long_text[OC_CHOICE_TEXT] = "factor=5                                      "
                                                  "                                            ";
    static const char *const texts[] = {"",          "factor=4",        "other=5", "factor=5 x=1",
                                        "factor=5 ", "factor=5 more=2", "5",       long_text};
    scale s;
    (void)state;
    const oc_op_call *call = scale_call(&s, &scale_op, 8, 0);
    for (size_t i = 0; i < OC_COUNT(texts); i++) {
        oc_dev *dev = open_dev(FOLDER, 0);
        const oc_digest key = key_of(dev, call);
        assert_true(dev->type->tuner->keep(dev, &key, texts[i]));
        assert_int_equal(run(dev, call, NULL, false), 2);
        assert_int_equal(run(dev, call, NULL, false), 2);
        assert_int_equal(seen.warnings, 1);
        assert_true(dev->type->tuner->keep(dev, &key, "factor=3"));
        assert_int_equal(run(dev, call, NULL, false), 3);
        assert_int_equal(seen.warnings, 1);
        oc_dev_close(dev);
    }
}

/* What was built to be measured is not kept, unless somebody else wants it. */
static void programs_of_trials_are_not_kept(void **state)
{
    scale s;
    (void)state;
    const oc_op_call *call = scale_call(&s, &scale_op, 8, 0);
    oc_dev *dev = open_dev(FOLDER, 0);
    assert_int_equal(run(dev, call, "factor=3", true), 3);
    assert_int_equal(run(dev, call, "factor=5", true), 5);
    oc_dev_close(dev);
    assert_int_equal(count_files(), 0);
    dev = open_dev(FOLDER, 0);
    assert_int_equal(run(dev, call, "factor=3", true), 3);
    assert_int_equal(run(dev, call, "factor=5", true), 5);
    assert_int_equal(run(dev, call, "factor=5", false), 5);
    assert_int_equal(run(dev, call, "factor=5", true), 5);
    oc_dev_close(dev);
    assert_int_equal(count_files(), 1);
}

/* Without memory: an error, or what is kept counts as absent. */
static oc_status without_memory(const oc_allocator *alloc, void *ctx)
{
    const oc_dev_options options = {.kernel_dir = KERNELS, .cache_dir = FOLDER};
    const oc_dev_task task = {.call = ctx};
    oc_dev_node *node = NULL;
    oc_dev *dev;
    size_t bytes;
    OC_TRY(oc_dev_open("pocl", &options, alloc, &dev));
    const oc_status status = dev->type->prepare(dev, &task, &node, &bytes);
    dev->type->unprepare(dev, node);
    oc_dev_close(dev);
    return status;
}

static void it_may_run_out_of_memory(void **state)
{
    scale s;
    (void)state;
    scale_call(&s, &scale_op, 8, 0);
    oc_dev *dev = open_dev(FOLDER, 0);
    const oc_digest key = key_of(dev, &s.call);
    assert_true(dev->type->tuner->keep(dev, &key, "factor=5"));
    oc_dev_close(dev);
    oc_test_oom_sweep(without_memory, &s.call);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(what_is_kept_is_chosen_in_later_starts, start_afresh),
        cmocka_unit_test_setup(what_is_kept_holds_for_nothing_else, start_afresh),
        cmocka_unit_test_setup(a_text_that_is_no_choice_costs_one_warning, start_afresh),
        cmocka_unit_test_setup(programs_of_trials_are_not_kept, start_afresh),
        cmocka_unit_test_setup(it_may_run_out_of_memory, start_afresh),
    };
    oc_dev *dev;
    if (oc_dev_open("pocl", NULL, NULL, &dev) != OC_OK) {
        printf("SKIP: %s\n", oc_error_text());
        return 77;
    }
    oc_dev_close(dev);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
