#include "pq_text.h"

#include <string.h>

static const char digits[] = "0123456789abcdef";

void pq_text_init(pq_text *t, char *p, size_t size)
{
    *t = (pq_text){.p = p, .size = size};
}

void pq_text_bytes(pq_text *t, const void *p, size_t n)
{
    if (n > t->size - t->len) {
        t->cut = true;
        return;
    }
    if (n > 0)
        memcpy(t->p + t->len, p, n);
    t->len += n;
}

void pq_text_str(pq_text *t, const char *s)
{
    pq_text_bytes(t, s, strlen(s));
}

void pq_text_number(pq_text *t, uint64_t v)
{
    char b[20]; /* 2^64 − 1 has 20 digits */
    size_t at = sizeof b;
    do {
        b[--at] = digits[v % 10];
        v /= 10;
    } while (v > 0);
    pq_text_bytes(t, b + at, sizeof b - at);
}

void pq_text_hex(pq_text *t, const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char b[2] = {digits[p[i] >> 4], digits[p[i] & 15]};
        pq_text_bytes(t, b, sizeof b);
    }
}

void pq_text_ms(pq_text *t, uint64_t us)
{
    if (us < 1000) {
        char b[5] = {'0', '.', digits[us / 100], digits[us / 10 % 10], digits[us % 10]};
        pq_text_bytes(t, b, sizeof b);
    } else {
        uint64_t tenths = us / 100 + (us % 100 >= 50);
        pq_text_number(t, tenths / 10);
        pq_text_str(t, ".");
        pq_text_number(t, tenths % 10);
    }
    pq_text_str(t, " ms");
}

static void ipv6(pq_text *t, const uint8_t a[16])
{
    for (size_t i = 0; i < 16; i += 2) {
        uint8_t nibbles[4] = {a[i] >> 4, a[i] & 15, a[i + 1] >> 4, a[i + 1] & 15};
        size_t first = 0;
        while (first < 3 && nibbles[first] == 0)
            first++;
        if (i > 0)
            pq_text_str(t, ":");
        for (; first < 4; first++)
            pq_text_bytes(t, digits + nibbles[first], 1);
    }
}

void pq_text_endpoint(pq_text *t, const pq_endpoint *e)
{
    if (e->addr_len == 16) {
        pq_text_str(t, "[");
        ipv6(t, e->addr);
        pq_text_str(t, "]");
    } else {
        for (size_t i = 0; i < 4; i++) {
            pq_text_str(t, i > 0 ? "." : "");
            pq_text_number(t, e->addr[i]);
        }
    }
    if (e->port > 0) {
        pq_text_str(t, ":");
        pq_text_number(t, e->port);
    }
}

/* Bytes of the character of UTF-8 (RFC 3629 §4) at p, at most n of them, and its
 * code point; 0 = none that is valid. */
static size_t utf8(const uint8_t *p, size_t n, uint32_t *code)
{
    static const uint32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};
    size_t len = p[0] < 0x80       ? 1
                 : p[0] >> 5 == 6  ? 2
                 : p[0] >> 4 == 14 ? 3
                 : p[0] >> 3 == 30 ? 4
                                   : 0;
    if (len == 0 || len > n)
        return 0;
    *code = len == 1 ? p[0] : p[0] & (0x7fu >> len);
    for (size_t i = 1; i < len; i++) {
        if (p[i] >> 6 != 2)
            return 0;
        *code = *code << 6 | (p[i] & 0x3fu);
    }
    bool valid = *code >= least[len] && *code <= 0x10ffff && (*code < 0xd800 || *code > 0xdfff);
    return valid ? len : 0;
}

/* Characters that move, hide or reorder others. */
static bool is_harmful(uint32_t c)
{
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0xad || c == 0x61c || c == 0x180e ||
           (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
           (c >= 0x2060 && c <= 0x206f) || c == 0xfeff || (c >= 0xfff0 && c <= 0xfffb) ||
           c >= 0xe0000;
}

void pq_text_safe(pq_text *t, pq_span s)
{
    for (size_t i = 0; i < s.len;) {
        uint32_t code = 0;
        size_t n = utf8(s.data + i, s.len - i, &code);
        if (n > 0 && !is_harmful(code)) {
            if (code == '\\')
                pq_text_str(t, "\\\\");
            else
                pq_text_bytes(t, s.data + i, n);
            i += n;
            continue;
        }
        char b[4] = {'\\', 'x', digits[s.data[i] >> 4], digits[s.data[i] & 15]};
        pq_text_bytes(t, b, sizeof b);
        i++;
    }
}
