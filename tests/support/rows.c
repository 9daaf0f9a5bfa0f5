/* SPDX-License-Identifier: Apache-2.0 */
#include "rows.h"

#include "oc_base.h"

#define TENSORS_MAX 64

/* The tensors of one run, side by side in a row; their data is set for each. */
typedef struct row {
    oc_tensor tensors[TENSORS_MAX];
    size_t at[TENSORS_MAX], count, bytes;
} row;

static oc_status lay_out(const oc_value_info *values, size_t count, row *r)
{
    *r = (row){.count = count};
    if (count > TENSORS_MAX)
        return oc_fail(OC_E_LIMIT, "expected at most %d tensors, found %zu", TENSORS_MAX, count);
    for (size_t i = 0; i < count; i++) {
        r->at[i] = r->bytes;
        r->bytes += values[i].bytes;
        OC_TRY(oc_tensor_alloc(&values[i].desc, NULL, &r->tensors[i]));
    }
    return OC_OK;
}

static void free_row(row *r)
{
    for (size_t i = 0; i < r->count && i < TENSORS_MAX; i++)
        oc_tensor_free(&r->tensors[i], NULL);
}

static oc_status run_one(oc_session *session, row *x, row *y, const uint8_t *from, uint8_t *to)
{
    size_t bytes;
    for (size_t i = 0; i < x->count; i++) {
        OC_TRY(oc_desc_bytes(&x->tensors[i].desc, &bytes));
        memcpy(x->tensors[i].data, from + x->at[i], bytes);
    }
    OC_TRY(oc_session_run(session, x->tensors, x->count, y->tensors, y->count, NULL));
    for (size_t i = 0; i < y->count; i++) {
        OC_TRY(oc_desc_bytes(&y->tensors[i].desc, &bytes));
        memcpy(to + y->at[i], y->tensors[i].data, bytes);
    }
    return OC_OK;
}

static oc_status run_rows(oc_session *session, row *x, row *y, const oc_tensor *in, oc_tensor *out)
{
    const int32_t rows = in->desc.shape.dim[0];
    if (in->desc.shape.rank != 2 || (size_t)in->desc.shape.dim[1] != x->bytes)
        return oc_fail(OC_E_SHAPE, "expected rows of %zu bytes, found %d", x->bytes,
                       in->desc.shape.dim[1]);
    const oc_desc desc = {OC_DTYPE_uint8, {2, {rows, (int32_t)y->bytes}}};
    OC_TRY(oc_tensor_alloc(&desc, NULL, out));
    for (size_t i = 0; i < (size_t)rows; i++)
        OC_TRY(run_one(session, x, y, (const uint8_t *)in->data + i * x->bytes,
                       (uint8_t *)out->data + i * y->bytes));
    return OC_OK;
}

oc_status rows_run(const oc_model *model, const char *device, const oc_tensor *in, oc_tensor *out)
{
    const oc_model_info *info = oc_model_get_info(model);
    const oc_prepare_options options = {.device = device};
    oc_prepared *prepared = NULL;
    oc_session *session = NULL;
    row x, y;
    oc_status status = lay_out(info->inputs, info->n_inputs, &x);
    oc_status other = lay_out(info->outputs, info->n_outputs, &y);
    if (status == OC_OK)
        status = other;
    if (status == OC_OK)
        status = oc_prepare(model, &options, NULL, &prepared);
    if (status == OC_OK)
        status = oc_session_create(prepared, NULL, NULL, &session);
    if (status == OC_OK)
        status = run_rows(session, &x, &y, in, out);
    oc_session_destroy(session);
    oc_prepared_destroy(prepared);
    free_row(&x);
    free_row(&y);
    return status;
}
