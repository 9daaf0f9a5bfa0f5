/* SPDX-License-Identifier: Apache-2.0 */
/**
 * op_grind DEVICE [OPERATOR...]: the cases of all operators, or of those named, on a device that
 * judges memory accesses (oclgrind), compared with the reference. Such a device brings no event
 * callbacks: this program waits for the event itself instead (clSetEventCallback is wrapped).
 */
#include "op_case.h"

#define CL_TARGET_OPENCL_VERSION 120
#include <CL/cl.h>
#include <stdio.h>

typedef void(CL_CALLBACK *on_event)(cl_event event, cl_int status, void *ctx);

cl_int CL_API_CALL __wrap_clSetEventCallback(cl_event event, cl_int type, on_event told, void *ctx);

cl_int CL_API_CALL __wrap_clSetEventCallback(cl_event event, cl_int type, on_event told, void *ctx)
{
    cl_int status = clWaitForEvents(1, &event);
    (void)type;
    told(event, status == CL_SUCCESS ? CL_COMPLETE : status, ctx);
    return CL_SUCCESS;
}

static oc_dev *dev;
static char **names; /* NULL: all */

static bool is_asked(const oc_op *op)
{
    for (char **name = names; *name; name++)
        if (strcmp(*name, op->name) == 0)
            return true;
    return !*names;
}

static void run_case(const oc_op *op, const oc_op_case *c)
{
    op_run run;
    void *out[OC_CASE_IN];
    op_run_init(&run, op, c);
    /* Said before, so that it is known whose complaint follows. */
    fprintf(stderr, "%s\n", run.name);
    oc_assert_ok(op_run_shape(&run));
    op_run_fill(&run, c, OP_FILL_RANGE);
    oc_assert_ok(op_run_reference(&run));
    oc_assert_ok(op_run_device(&run, dev, out));
    op_run_compare(&run, out, "oclgrind");
    for (uint32_t o = 0; o < op->n_out; o++)
        oc_free(NULL, out[o]);
    op_run_fini(&run);
}

static void all_cases(void **state)
{
    size_t count, n_run = 0;
    const oc_op *const *ops = oc_ops(&count);
    (void)state;
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; !ops[i]->is_view && is_asked(ops[i]) && k < ops[i]->n_cases;
             k++, n_run++)
            run_case(ops[i], &ops[i]->cases[k]);
    assert_true(n_run > 0);
    printf("%zu cases\n", n_run);
}

int main(int argc, char **argv)
{
    const oc_dev_options options = {0};
    const struct CMUnitTest tests[] = {cmocka_unit_test(all_cases)};
    names = argv + OC_MIN(argc, 2);
    if (argc < 2 || oc_dev_open(argv[1], &options, NULL, &dev) != OC_OK) {
        fprintf(stderr, "%s: %s\n", argv[0], argc < 2 ? "usage: op_grind DEVICE" : oc_error_text());
        return 2;
    }
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    oc_dev_close(dev);
    return failed;
}
