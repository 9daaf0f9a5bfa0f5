/* SPDX-License-Identifier: Apache-2.0 */
#include "op_case.h"

#include "oc_op_split.h"

#include <math.h>
#include <stdio.h>

void op_run_init(op_run *run, const oc_op *op, const oc_op_case *c)
{
    memset(run, 0, sizeof(*run));
    snprintf(run->name, sizeof(run->name), "%s/%s", op->name, c->name);
    oc_assert_ok(oc_alloc(NULL, OC_MAX(op->attrs_size, (size_t)1), 1, &run->attrs));
    oc_node node = {.name = run->name, .op = op, .attrs = run->attrs};
    oc_assert_ok(oc_op_case_attrs(&node, c));
    for (uint32_t i = 0; i < c->n_in; i++) {
        run->in_desc[i] = c->in[i];
        run->in[i] = c->absent_mask >> i & 1 ? NULL : &run->in_desc[i];
        run->is_const[i] = c->const_mask >> i & 1;
    }
    assert_true(op->n_out <= OC_CASE_IN);
    run->call = (oc_op_call){.op = op,
                             .numerics = oc_op_case_numerics(op, c),
                             .name = run->name,
                             .attrs = run->attrs,
                             .n_in = c->n_in,
                             .n_out = op->n_out,
                             .in = run->in,
                             .out = run->out,
                             .is_const = run->is_const};
}

oc_status op_run_shape(op_run *run)
{
    OC_TRY(run->call.op->shape(&run->call, run->out_desc));
    for (uint32_t i = 0; i < run->call.n_out; i++)
        run->out[i] = &run->out_desc[i];
    return OC_OK;
}

static float special(oc_rng *rng, op_fill fill, float x)
{
    static const float tiny[] = {0.0f, -0.0f, 0x1p-149f, -0x1p-149f, 0x1.8p-130f, -0x1p-126f};
    static const float wild[] = {INFINITY, -INFINITY, NAN, 0x1.fffffep+127f, -0x1.8p+126f};
    if (fill == OP_FILL_RANGE || oc_rng_below(rng, 4) != 0)
        return x;
    return fill == OP_FILL_TINY ? tiny[oc_rng_below(rng, OC_COUNT(tiny))]
                                : wild[oc_rng_below(rng, OC_COUNT(wild))];
}

/* Element i of an input with a range of its own, integers by truncation. */
static void fill_between(oc_rng *rng, oc_dtype dtype, float lo, float hi, void *data, size_t i)
{
    float x = oc_rng_float(rng, lo, hi);
    if (dtype == OC_DTYPE_int64)
        ((int64_t *)data)[i] = (int64_t)x;
    else if (dtype == OC_DTYPE_int32)
        ((int32_t *)data)[i] = (int32_t)x;
    else if (dtype == OC_DTYPE_int8)
        ((int8_t *)data)[i] = (int8_t)x;
    else
        ((uint8_t *)data)[i] = (uint8_t)x;
}

static void fill_input(oc_rng *rng, uint32_t index, const oc_desc *desc, const oc_op_case *c,
                       op_fill fill, void *data)
{
    size_t elems;
    bool is_own = c->in_lo[index] != 0 || c->in_hi[index] != 0;
    bool has_range = c->lo != 0 || c->hi != 0;
    float lo = is_own ? c->in_lo[index] : has_range ? c->lo : -1.0f;
    float hi = is_own ? c->in_hi[index] : has_range ? c->hi : 1.0f;
    oc_assert_ok(oc_shape_elems(&desc->shape, &elems));
    for (size_t i = 0; i < elems; i++) {
        if (desc->dtype == OC_DTYPE_float32)
            ((float *)data)[i] = special(rng, fill, oc_rng_float(rng, lo, hi));
        else if (is_own)
            fill_between(rng, desc->dtype, lo, hi, data, i);
        else if (desc->dtype == OC_DTYPE_int32)
            ((int32_t *)data)[i] =
                has_range ? (int32_t)oc_rng_float(rng, lo, hi) : (int32_t)oc_rng_u64(rng);
        else if (desc->dtype == OC_DTYPE_int64)
            ((int64_t *)data)[i] =
                has_range ? (int64_t)oc_rng_float(rng, lo, hi) : (int64_t)oc_rng_u64(rng);
        else if (desc->dtype == OC_DTYPE_bool)
            ((uint8_t *)data)[i] = oc_rng_below(rng, 2);
        else
            oc_rng_fill_bytes(rng, (uint8_t *)data + i * oc_dtype_size(desc->dtype),
                              oc_dtype_size(desc->dtype));
    }
}

/* The seed of a run: its name and fill, by FNV-1a. */
static uint64_t seed_of(const char *name, op_fill fill)
{
    uint64_t hash = 14695981039346656037u + (uint64_t)fill;
    for (; *name; name++)
        hash = (hash ^ (uint8_t)*name) * 1099511628211u;
    return hash;
}

void op_run_fill(op_run *run, const oc_op_case *c, op_fill fill)
{
    oc_rng rng = oc_rng_make(seed_of(run->name, fill));
    size_t bytes;
    for (uint32_t i = 0; i < run->call.n_in; i++) {
        if (run->in[i] == NULL)
            continue;
        oc_assert_ok(oc_desc_bytes(run->in[i], &bytes));
        oc_free(NULL, run->data[i]);
        oc_assert_ok(oc_alloc(NULL, bytes, 1, &run->data[i]));
        fill_input(&rng, i, run->in[i], c, fill, run->data[i]);
    }
}

oc_status op_run_reference(op_run *run)
{
    size_t bytes;
    for (uint32_t i = 0; i < run->call.n_out; i++) {
        OC_TRY(oc_desc_bytes(run->out[i], &bytes));
        oc_free(NULL, run->expected[i]);
        OC_TRY(oc_alloc(NULL, bytes, 1, &run->expected[i]));
    }
    if (oc_op_is_empty(&run->call))
        return OC_OK;
    return run->call.op->reference(&run->call, (const void *const *)run->data, run->expected);
}

void op_run_fini(op_run *run)
{
    for (uint32_t i = 0; i < OC_CASE_IN; i++) {
        oc_free(NULL, run->data[i]);
        oc_free(NULL, run->expected[i]);
    }
    oc_free(NULL, run->attrs);
}

/* ---- devices ------------------------------------------------------------------------------- */

static oc_status const_read(void *ctx, uint32_t in, void *dst, size_t bytes)
{
    memcpy(dst, ((op_run *)ctx)->data[in], bytes);
    return OC_OK;
}

/* Everything that one run holds on a device. */
typedef struct held {
    oc_dev *dev;
    oc_dev_node *node;
    oc_dev_bound *bound;
    oc_dev_queue *queue;
    oc_dev_mem *in[OC_CASE_IN], *out[OC_CASE_IN], *scratch;
} held;

static void held_fini(held *h)
{
    const oc_dev_type *type = h->dev->type;
    if (h->queue)
        type->queue_destroy(h->dev, h->queue);
    if (h->bound)
        type->unbind(h->dev, h->bound);
    for (uint32_t i = 0; i < OC_CASE_IN; i++) {
        if (h->in[i])
            type->mem_destroy(h->dev, h->in[i]);
        if (h->out[i])
            type->mem_destroy(h->dev, h->out[i]);
    }
    if (h->scratch)
        type->mem_destroy(h->dev, h->scratch);
    if (h->node)
        type->unprepare(h->dev, h->node);
}

static oc_status make_memory(op_run *run, held *h)
{
    const oc_dev_type *type = h->dev->type;
    size_t bytes;
    for (uint32_t i = 0; i < run->call.n_in; i++) {
        if (run->in[i] == NULL || run->is_const[i])
            continue;
        OC_TRY(oc_desc_bytes(run->in[i], &bytes));
        OC_TRY(type->mem_create(h->dev, bytes, &h->in[i]));
        OC_TRY(type->write(h->queue, h->in[i], run->data[i], bytes));
    }
    for (uint32_t i = 0; i < run->call.n_out; i++) {
        OC_TRY(oc_desc_bytes(run->out[i], &bytes));
        OC_TRY(type->mem_create(h->dev, bytes, &h->out[i]));
    }
    bytes = type->scratch_bytes(h->dev, h->node);
    return bytes == 0 ? OC_OK : type->mem_create(h->dev, bytes, &h->scratch);
}

static oc_status run_on(op_run *run, held *h, void **out)
{
    const oc_dev_type *type = h->dev->type;
    oc_dev_task task = {.call = &run->call,
                        .ctx = run,
                        .const_read = const_read,
                        .choices = run->choices};
    size_t bytes, const_bytes;
    OC_TRY(type->queue_create(h->dev, &h->queue));
    OC_TRY(type->prepare(h->dev, &task, &h->node, &const_bytes));
    OC_TRY(make_memory(run, h));
    OC_TRY(type->bind(h->dev, h->node, h->in, h->out, h->scratch, &h->bound));
    OC_TRY(type->run(h->queue, &h->bound, 1));
    for (uint32_t i = 0; i < run->call.n_out; i++) {
        OC_TRY(oc_desc_bytes(run->out[i], &bytes));
        OC_TRY(oc_alloc(NULL, bytes, 1, &out[i]));
        OC_TRY(type->read(h->queue, h->out[i], out[i], bytes));
    }
    return oc_dev_queue_wait(h->dev, h->queue, OC_NEVER_NS);
}

oc_status op_run_device(op_run *run, oc_dev *dev, void **out)
{
    held h = {.dev = dev};
    for (uint32_t i = 0; i < run->call.n_out; i++)
        out[i] = NULL;
    oc_status status = run_on(run, &h, out);
    held_fini(&h);
    for (uint32_t i = 0; status != OC_OK && i < run->call.n_out; i++) {
        oc_free(NULL, out[i]);
        out[i] = NULL;
    }
    return status;
}

static bool is_half_nan(uint16_t half)
{
    return (half & 0x7fff) > 0x7c00;
}

static bool is_equal(oc_dtype dtype, const void *a, const void *b, size_t i)
{
    size_t size = oc_dtype_size(dtype);
    if (memcmp((const char *)a + i * size, (const char *)b + i * size, size) == 0)
        return true;
    if (dtype == OC_DTYPE_float16)
        return is_half_nan(((const uint16_t *)a)[i]) && is_half_nan(((const uint16_t *)b)[i]);
    return dtype == OC_DTYPE_float32 && isnan(((const float *)a)[i]) &&
           isnan(((const float *)b)[i]);
}

void op_run_compare(const op_run *run, void *const *out, const char *what)
{
    for (uint32_t o = 0; o < run->call.n_out; o++) {
        const oc_desc *desc = run->out[o];
        size_t elems;
        oc_assert_ok(oc_shape_elems(&desc->shape, &elems));
        for (size_t i = 0; i < elems; i++) {
            if (is_equal(desc->dtype, out[o], run->expected[o], i))
                continue;
            print_error("%s, %s: element %zu of %zu of output %u", run->name, what, i, elems, o);
            if (desc->dtype == OC_DTYPE_float32)
                print_error(": expected %a, found %a", (double)((float *)run->expected[o])[i],
                            (double)((float *)out[o])[i]);
            print_error("\n");
            fail();
        }
    }
}
