/* SPDX-License-Identifier: Apache-2.0 */
#include "form_fixed.h"

#define TWO_31 (INT64_C(1) << 31)

oc_tensor_id oc_fixed_number(oc_form_call *c, int64_t value)
{
    return oc_form_bytes(c, &(oc_desc){.dtype = OC_DTYPE_int64}, &value);
}

oc_tensor_id oc_fixed_add(oc_form_call *c, oc_tensor_id p, oc_tensor_id q)
{
    return OC_FORM(c, "Add", p, q);
}

oc_tensor_id oc_fixed_sub(oc_form_call *c, oc_tensor_id p, oc_tensor_id q)
{
    return OC_FORM(c, "Sub", p, q);
}

static oc_tensor_id times(oc_form_call *c, oc_tensor_id p, oc_tensor_id q)
{
    return OC_FORM(c, "Mul", p, q);
}

/* Rounded down, for a divisor above 0: the rest of ONNX's Mod has its sign. */
static oc_tensor_id quotient(oc_form_call *c, oc_tensor_id x, oc_tensor_id divisor)
{
    oc_tensor_id whole = oc_fixed_sub(c, x, OC_FORM(c, "Mod", x, divisor));
    return OC_FORM(c, "Div", whole, divisor);
}

/*
 * ONNX Runtime 1.31 takes the smaller and larger of two int64 wrongly where only the lower 32 bits
 * differ, and these in their sign: whoever clips has numbers of 32 bits.
 */
oc_tensor_id oc_fixed_clip(oc_form_call *c, oc_tensor_id x, int64_t lo, int64_t hi)
{
    return OC_FORM(c, "Clip", x, oc_fixed_number(c, lo), oc_fixed_number(c, hi));
}

oc_tensor_id oc_fixed_wrap(oc_form_call *c, oc_tensor_id x)
{
    oc_tensor_id middle = oc_fixed_number(c, TWO_31);
    oc_tensor_id range = oc_fixed_number(c, 2 * TWO_31);
    return oc_fixed_sub(c, OC_FORM(c, "Mod", oc_fixed_add(c, x, middle), range), middle);
}

oc_tensor_id oc_fixed_mul(oc_form_call *c, oc_tensor_id p, oc_tensor_id q)
{
    oc_tensor_id sum = oc_fixed_add(c, times(c, p, q), oc_fixed_number(c, TWO_31 / 2));
    sum = quotient(c, sum, oc_fixed_number(c, TWO_31));
    /* 2^31 alone is one too many. Truncated, the quotient by it is 1 only there. */
    oc_tensor_id above = OC_FORM(c, "Div", sum, oc_fixed_number(c, TWO_31));
    return oc_fixed_sub(c, sum, oc_fixed_clip(c, above, 0, 1));
}

/* Division truncates, so that half a unit away from 0 goes before it. */
oc_tensor_id oc_fixed_shift_down(oc_form_call *c, oc_tensor_id x, oc_tensor_id half,
                                 oc_tensor_id power)
{
    oc_tensor_id away = times(c, OC_FORM(c, "Sign", x), half);
    return OC_FORM(c, "Div", oc_fixed_add(c, x, away), power);
}

/*
 * The quotient by 2^31 is 0 or -1 for x of 32 bits. Above that the greatest number takes its place,
 * below it the least.
 */
static oc_tensor_id saturate(oc_form_call *c, oc_tensor_id x)
{
    oc_tensor_id high = quotient(c, x, oc_fixed_number(c, TWO_31)), one = oc_fixed_number(c, 1);
    oc_tensor_id above = oc_fixed_clip(c, high, 0, 1);
    oc_tensor_id below = oc_fixed_add(c, oc_fixed_clip(c, high, -2, -1), one);
    oc_tensor_id inside = oc_fixed_add(c, oc_fixed_sub(c, one, above), below);
    oc_tensor_id end = oc_fixed_add(c, times(c, above, oc_fixed_number(c, TWO_31 - 1)),
                                    times(c, below, oc_fixed_number(c, TWO_31)));
    return oc_fixed_add(c, times(c, x, inside), end);
}

/* x 2^n, saturated. */
static oc_tensor_id rescale_up(oc_form_call *c, oc_tensor_id x, int n)
{
    oc_tensor_id y = times(c, x, oc_fixed_number(c, INT64_C(1) << n));
    return saturate(c, y);
}

oc_tensor_id oc_fixed_reciprocal(oc_form_call *c, oc_tensor_id a)
{
    oc_tensor_id sum = oc_fixed_add(c, a, oc_fixed_number(c, TWO_31));
    oc_tensor_id d = OC_FORM(c, "Mod", sum, oc_fixed_number(c, 2 * TWO_31));
    d = quotient(c, d, oc_fixed_number(c, 2));
    oc_tensor_id x = oc_fixed_mul(c, d, oc_fixed_number(c, -1010580540));
    x = oc_fixed_wrap(c, oc_fixed_add(c, x, oc_fixed_number(c, 1515870810)));
    for (int i = 0; i < 3; i++) {
        oc_tensor_id error = oc_fixed_sub(c, oc_fixed_number(c, 1 << 29), oc_fixed_mul(c, d, x));
        error = oc_fixed_mul(c, x, oc_fixed_wrap(c, error));
        x = oc_fixed_wrap(c, oc_fixed_add(c, x, rescale_up(c, error, 2)));
    }
    return rescale_up(c, x, 1);
}

/* How many of 2^0 .. 2^31 go into x no time. */
oc_tensor_id oc_fixed_leading_zeros(oc_form_call *c, oc_tensor_id x)
{
    int64_t powers[32];
    for (int i = 0; i < 32; i++)
        powers[i] = INT64_C(1) << i;
    oc_tensor_id ratio = OC_FORM(c, "Div", x, oc_form_int64s(c, powers, OC_COUNT(powers)));
    oc_tensor_id bits =
        OC_FORM(c, "ReduceSum", OC_FORM(c, "Sign", ratio), oc_form_int64s(c, (int64_t[]){-1}, 1));
    oc_form_set_int(c, "keepdims", 1);
    return oc_fixed_sub(c, oc_fixed_number(c, 32), bits);
}

/* Step by step as oc_quant_root. */
oc_tensor_id oc_fixed_root(oc_form_call *c, oc_tensor_id x, oc_tensor_id quads)
{
    int64_t fours[16], ups[16];
    for (int n = 0; n < 16; n++) {
        fours[n] = INT64_C(1) << 2 * n;
        ups[n] = INT64_C(1) << OC_MAX(n - 12, 0);
    }
    x = times(c, x, OC_FORM(c, "Gather", oc_form_int64s(c, fours, OC_COUNT(fours)), quads));
    oc_tensor_id half = oc_fixed_shift_down(c, quotient(c, x, oc_fixed_number(c, 8)),
                                            oc_fixed_number(c, 1), oc_fixed_number(c, 2));
    oc_tensor_id y = oc_fixed_number(c, 1 << 28);
    for (int i = 0; i < 5; i++) {
        oc_tensor_id cube = rescale_up(c, oc_fixed_mul(c, oc_fixed_mul(c, y, y), y), 6);
        y = oc_fixed_mul(c, oc_fixed_number(c, 3 << 27), y);
        y = rescale_up(c, oc_fixed_sub(c, y, oc_fixed_mul(c, half, cube)), 3);
    }
    y = oc_fixed_mul(c, y, oc_fixed_number(c, 1518500250));
    return times(c, y, OC_FORM(c, "Gather", oc_form_int64s(c, ups, OC_COUNT(ups)), quads));
}

/* A list of int64 in the form's memory, or NULL on failure. */
static int64_t *alloc_list(oc_form_call *c, size_t count)
{
    int64_t *list = NULL;
    if (c->form->status == OC_OK)
        c->form->status = OC_ARENA_ALLOC(&c->form->arena, count + 1, list);
    return list;
}

oc_fixed_factor oc_fixed_factors(oc_form_call *c, const int32_t *mult, const int32_t *shift,
                                 size_t count, const oc_shape *shape)
{
    const oc_desc desc = {OC_DTYPE_int64, *shape};
    oc_fixed_factor factor = {OC_NONE, 0, OC_NONE, OC_NONE};
    int64_t *list = alloc_list(c, 4 * count), *up = list, *half = list + count;
    int64_t *power = list + 2 * count, *wide = list + 3 * count;
    bool has_up = false, has_down = false;
    if (!list)
        return factor;
    for (size_t i = 0; i < count; i++) {
        int32_t s = OC_MIN(OC_MAX(shift[i], -31), 31);
        up[i] = INT64_C(1) << OC_MAX(s, 0);
        power[i] = INT64_C(1) << OC_MAX(-s, 0);
        half[i] = power[i] / 2;
        wide[i] = mult[i];
        has_up = has_up || s > 0;
        has_down = has_down || s < 0;
    }
    factor.mult = oc_form_bytes(c, &desc, wide);
    if (has_up)
        factor.up = oc_form_bytes(c, &desc, up);
    if (has_down) {
        factor.half = oc_form_bytes(c, &desc, half);
        factor.power = oc_form_bytes(c, &desc, power);
    }
    return factor;
}

oc_tensor_id oc_fixed_scale(oc_form_call *c, oc_tensor_id x, const oc_fixed_factor *factor)
{
    if (factor->up != OC_NONE)
        x = oc_fixed_wrap(c, times(c, x, factor->up));
    x = oc_fixed_mul(c, x, factor->mult);
    if (factor->power != OC_NONE)
        x = oc_fixed_shift_down(c, x, factor->half, factor->power);
    return x;
}

oc_tensor_id oc_fixed_powers(oc_form_call *c, bool are_halves)
{
    int64_t powers[33];
    for (int i = 0; i < 33; i++)
        powers[i] = (INT64_C(1) << i) / (are_halves ? 2 : 1);
    return oc_form_int64s(c, powers, OC_COUNT(powers));
}
