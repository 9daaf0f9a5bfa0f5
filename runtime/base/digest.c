/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256 by libcrypto, and digests as lower-case hexadecimal text. */
#include "oc_base.h"

#include <openssl/evp.h>

struct oc_hash {
    const oc_allocator *alloc;
    EVP_MD_CTX *ctx;
};

oc_status oc_hash_create(const oc_allocator *alloc, oc_hash **hash)
{
    oc_hash *fresh;
    OC_TRY(oc_alloc(alloc, 1, sizeof(*fresh), &fresh));
    fresh->alloc = alloc;
    fresh->ctx = EVP_MD_CTX_new();
    if (fresh->ctx == NULL || EVP_DigestInit_ex(fresh->ctx, EVP_sha256(), NULL) != 1) {
        oc_hash_destroy(fresh);
        return oc_fail(OC_E_NOMEM, "SHA-256: libcrypto cannot start one");
    }
    *hash = fresh;
    return OC_OK;
}

oc_status oc_hash_put(oc_hash *hash, const void *data, size_t size)
{
    if (size > 0 && EVP_DigestUpdate(hash->ctx, data, size) != 1)
        return oc_fail(OC_E_INTERNAL, "SHA-256: libcrypto refuses %zu bytes", size);
    return OC_OK;
}

oc_status oc_hash_put_text(oc_hash *hash, const char *text)
{
    return oc_hash_put(hash, text, strlen(text) + 1);
}

oc_status oc_hash_end(oc_hash *hash, oc_digest *digest)
{
    if (EVP_DigestFinal_ex(hash->ctx, digest->bytes, NULL) != 1)
        return oc_fail(OC_E_INTERNAL, "SHA-256: libcrypto cannot end one");
    return OC_OK;
}

void oc_hash_destroy(oc_hash *hash)
{
    if (hash == NULL)
        return;
    EVP_MD_CTX_free(hash->ctx);
    oc_free(hash->alloc, hash);
}

char *oc_digest_print(const oc_digest *digest, char text[OC_DIGEST_TEXT])
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < OC_DIGEST_BYTES; i++) {
        text[2 * i] = digits[digest->bytes[i] >> 4];
        text[2 * i + 1] = digits[digest->bytes[i] & 15];
    }
    text[OC_DIGEST_TEXT - 1] = '\0';
    return text;
}

/* The value of a hexadecimal digit, or -1. */
static int digit_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

oc_status oc_digest_parse(const char *text, oc_digest *digest)
{
    oc_digest parsed;
    size_t length = strlen(text);
    if (length != OC_DIGEST_TEXT - 1)
        return oc_fail(OC_E_FORMAT, "digest: expected %d hexadecimal digits, found %zu characters",
                       OC_DIGEST_TEXT - 1, length);
    for (size_t i = 0; i < OC_DIGEST_BYTES; i++) {
        int high = digit_value(text[2 * i]), low = digit_value(text[2 * i + 1]);
        if (high < 0 || low < 0)
            return oc_fail(OC_E_FORMAT, "digest: expected hexadecimal digits, found '%.2s'",
                           text + 2 * i);
        parsed.bytes[i] = (uint8_t)(high << 4 | low);
    }
    *digest = parsed;
    return OC_OK;
}

bool oc_digest_equal(const oc_digest *a, const oc_digest *b)
{
    return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}
