/* SPDX-License-Identifier: Apache-2.0 */
/** The elements of a constant with its axes in another order. */
#include "form.h"

/* dst, dense, of axes `dim` from src, whose elements lie `stride` elements apart along each. */
static void permute_elems(int32_t rank, const size_t *dim, const size_t *stride, size_t elem,
                          const char *src, char *dst)
{
    size_t at[OC_RANK_MAX] = {0}, from = 0;
    for (;;) {
        memcpy(dst, src + from * elem, elem);
        dst += elem;
        int32_t d = rank - 1;
        for (; d >= 0; d--) {
            from += stride[d];
            if (++at[d] < dim[d])
                break;
            from -= stride[d] * dim[d];
            at[d] = 0;
        }
        if (d < 0)
            return;
    }
}

static oc_status read_permuted(const oc_form *form, const oc_form_tensor *t, void *dst, size_t size)
{
    size_t dense[OC_RANK_MAX], stride[OC_RANK_MAX], dim[OC_RANK_MAX], next = 1;
    void *plain = NULL;
    if (size == 0)
        return OC_OK;
    for (int32_t i = t->view.rank; i-- > 0;) {
        dense[i] = next;
        next *= (size_t)t->view.dim[i];
    }
    for (int32_t i = 0; i < t->view.rank; i++) {
        stride[i] = dense[t->perm.v[i]];
        dim[i] = (size_t)t->view.dim[t->perm.v[i]];
    }
    OC_TRY(oc_alloc(form->alloc, size, 1, &plain));
    oc_status status = oc_graph_const_read(form->graph, t->value, plain, size);
    if (status == OC_OK)
        permute_elems(t->view.rank, dim, stride, oc_dtype_size(t->desc.dtype), plain, dst);
    oc_free(form->alloc, plain);
    return status;
}

oc_status oc_form_const_read(const oc_form *form, const oc_form_tensor *tensor, void *dst,
                             size_t size)
{
    if (tensor->perm.count == 0)
        return oc_graph_const_read(form->graph, tensor->value, dst, size);
    return read_permuted(form, tensor, dst, size);
}
