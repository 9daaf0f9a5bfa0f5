/* SPDX-License-Identifier: Apache-2.0 */
/*
 * XXH64 as its specification (xxHash fast digest algorithm, version 0.1.1) defines it, with seed 0.
 * It catches what a broken peer or memory does to a tensor; it is no protection against an
 * attacker. docs/adr/0004-wire.md says why not CRC32C.
 */
#include "oc_rpc.h"

#define P1 UINT64_C(0x9E3779B185EBCA87)
#define P2 UINT64_C(0xC2B2AE3D27D4EB4F)
#define P3 UINT64_C(0x165667B19E3779F9)
#define P4 UINT64_C(0x85EBCA77C2B2AE63)
#define P5 UINT64_C(0x27D4EB2F165667C5)

static uint64_t rotate(uint64_t x, unsigned bits)
{
    return x << bits | x >> (64 - bits);
}

static uint64_t load64(const uint8_t *at)
{
    uint64_t x = 0;
    for (unsigned i = 0; i < 8; i++)
        x |= (uint64_t)at[i] << (8 * i);
    return x;
}

static uint64_t load32(const uint8_t *at)
{
    return (uint64_t)at[0] | (uint64_t)at[1] << 8 | (uint64_t)at[2] << 16 | (uint64_t)at[3] << 24;
}

static uint64_t mix(uint64_t lane, uint64_t input)
{
    return rotate(lane + input * P2, 31) * P1;
}

/* Whole stripes of 32 bytes; the lanes live in registers. */
static void put_stripes(oc_rpc_sum *sum, const uint8_t *at, size_t stripes)
{
    uint64_t a = sum->lane[0], b = sum->lane[1], c = sum->lane[2], d = sum->lane[3];
    for (size_t i = 0; i < stripes; i++, at += 32) {
        a = mix(a, load64(at));
        b = mix(b, load64(at + 8));
        c = mix(c, load64(at + 16));
        d = mix(d, load64(at + 24));
    }
    sum->lane[0] = a;
    sum->lane[1] = b;
    sum->lane[2] = c;
    sum->lane[3] = d;
}

void oc_rpc_sum_init(oc_rpc_sum *sum)
{
    *sum = (oc_rpc_sum){.lane = {P1 + P2, P2, 0, 0 - P1}};
}

void oc_rpc_sum_put(oc_rpc_sum *sum, const void *data, size_t size)
{
    const uint8_t *at = data;
    size_t held = sum->bytes % 32;
    if (size == 0)
        return;
    sum->bytes += size;
    if (held > 0) {
        size_t part = OC_MIN(32 - held, size);
        memcpy(sum->rest + held, at, part);
        at += part;
        size -= part;
        if (held + part < 32)
            return;
        put_stripes(sum, sum->rest, 1);
    }
    put_stripes(sum, at, size / 32);
    memcpy(sum->rest, at + size / 32 * 32, size % 32);
}

static uint64_t put_rest(uint64_t h, const uint8_t *at, size_t size)
{
    for (; size >= 8; at += 8, size -= 8)
        h = rotate(h ^ mix(0, load64(at)), 27) * P1 + P4;
    if (size >= 4) {
        h = rotate(h ^ load32(at) * P1, 23) * P2 + P3;
        at += 4;
        size -= 4;
    }
    for (; size > 0; at++, size--)
        h = rotate(h ^ *at * P5, 11) * P1;
    return h;
}

uint64_t oc_rpc_sum_end(const oc_rpc_sum *sum)
{
    uint64_t h = P5;
    if (sum->bytes >= 32) {
        h = rotate(sum->lane[0], 1) + rotate(sum->lane[1], 7) + rotate(sum->lane[2], 12) +
            rotate(sum->lane[3], 18);
        for (int i = 0; i < 4; i++)
            h = (h ^ mix(0, sum->lane[i])) * P1 + P4;
    }
    h = put_rest(h + sum->bytes, sum->rest, sum->bytes % 32);
    h = (h ^ h >> 33) * P2;
    h = (h ^ h >> 29) * P3;
    return h ^ h >> 32;
}
