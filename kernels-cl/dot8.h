/* SPDX-License-Identifier: Apache-2.0 */
#ifdef DOT8
/*
 * Products of bytes four at a time, for devices that have an instruction for it (oc_dot8_kind of
 * oc_op.h): in every lane of `sum` + x0 w0 + x1 w1 + x2 w2 + x3 w3, where x is four unsigned and w
 * four signed bytes, the lowest first; modulo 2^32.
 */
#if DOT8 == 1 /* VPDPBUSD of AVX512_VNNI, 16 lanes; PoCL's compiler never finds it by itself */
static inline int16 oc_dot8(int16 sum, int16 x, int16 w)
{
    __asm__("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(x), "v"(w));
    return sum;
}
#endif

/* Four bytes wherever they lie. */
typedef uint __attribute__((aligned(1))) oc_four;
#endif
