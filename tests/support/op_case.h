/* SPDX-License-Identifier: Apache-2.0 */
/**
 * An operator's case made into a call with seeded data: what the conformance tests of operators run
 * on the reference and on devices.
 */
#ifndef OP_CASE_H
#define OP_CASE_H

#include "oc_device.h"
#include "oc_ops.h"
#include "oc_test.h"

/** What the float inputs are filled with. */
typedef enum op_fill {
    OP_FILL_RANGE, /* the case's own range */
    OP_FILL_TINY, /* the same with denormals, small normals and signed zeros strewn in */
    OP_FILL_WILD, /* the same with infinities, NaNs and numbers near overflow strewn in */
    OP_FILL_COUNT
} op_fill;

/** A call whose parts lie beside it; it must not be moved. All memory is its own. */
typedef struct op_run {
    oc_op_call call;
    oc_desc in_desc[OC_CASE_IN], out_desc[OC_CASE_IN];
    const oc_desc *in[OC_CASE_IN], *out[OC_CASE_IN];
    bool is_const[OC_CASE_IN];
    void *attrs;
    char name[160];             /* "operator/case" */
    void *data[OC_CASE_IN];     /* inputs; NULL where absent */
    void *expected[OC_CASE_IN]; /* outputs as the reference computes them */
    const char *choices;        /* what a device's launches choose; NULL: as the rule says */
} op_run;

/**
 * Attributes set, inputs described; `shape` has not run. Owns: op_run_fini. Fails the test where a
 * set is refused.
 */
void op_run_init(op_run *run, const oc_op *op, const oc_op_case *c);
/** Runs `shape`; describes the outputs. */
OC_MUST_USE oc_status op_run_shape(op_run *run);
/** Fills the inputs (after op_run_shape), the same for the same operator, case and fill. */
void op_run_fill(op_run *run, const oc_op_case *c, op_fill fill);
/** Computes run->expected. */
OC_MUST_USE oc_status op_run_reference(op_run *run);
void op_run_fini(op_run *run);

/**
 * Prepare, bind, run and read back on `dev`. `out` receives one buffer per output.
 * Owns: the caller frees them with oc_free(NULL, ..). Errors: the device's.
 */
OC_MUST_USE oc_status op_run_device(op_run *run, oc_dev *dev, void **out);

/** Fails the test at the first element that differs in a bit; any NaN equals any other. */
void op_run_compare(const op_run *run, void *const *out, const char *what);

#endif
