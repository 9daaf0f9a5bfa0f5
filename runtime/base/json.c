/* SPDX-License-Identifier: Apache-2.0 */
/* Text as it stands inside a JSON string (RFC 8259), UTF-8 checked (RFC 3629). */
#include "oc_base.h"

#include <stdio.h>

/* The length of the UTF-8 character at `text`, of which `size` bytes are there; 0: it is none. */
static size_t utf8_length(const unsigned char *text, size_t size)
{
    static const struct {
        unsigned char first, last; /* of the lead byte */
        unsigned char low, high;   /* of the second byte: no overlong form, no surrogate */
        uint8_t length;
    } forms[] = {
        {0x00, 0x7f, 0x00, 0x00, 1}, {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
        {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
        {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
    };
    for (size_t i = 0; i < OC_COUNT(forms); i++) {
        if (text[0] < forms[i].first || text[0] > forms[i].last)
            continue;
        size_t length = forms[i].length;
        if (length > size || (length > 1 && (text[1] < forms[i].low || text[1] > forms[i].high)))
            return 0;
        for (size_t k = 2; k < length; k++)
            if (text[k] < 0x80 || text[k] > 0xbf)
                return 0;
        return length;
    }
    return 0;
}

size_t oc_json_escape(const char **text, const char *end, char out[OC_JSON_ESCAPE])
{
    const char *at = *text;
    if (at >= end || *at == '\0')
        return 0;
    unsigned char c = (unsigned char)*at;
    size_t length = utf8_length((const unsigned char *)at, (size_t)(end - at));
    *text = at + OC_MAX(length, 1);
    if (length == 0) {
        out[0] = '?';
        return 1;
    }
    if (c == '"' || c == '\\') {
        out[0] = '\\';
        out[1] = *at;
        return 2;
    }
    if (c < 0x20 || c == 0x7f)
        return (size_t)snprintf(out, OC_JSON_ESCAPE, "\\u%04x", (unsigned)c);
    memcpy(out, at, length);
    return length;
}
