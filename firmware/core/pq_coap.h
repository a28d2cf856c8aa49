/* CoAP messages (RFC 7252 §3): a strict reader and a writer, and the values of
 * Block1 and Block2 (RFC 7959 §2.2). No state, no I/O; all memory is the
 * caller's. What is read points into the datagram. */
#ifndef PQ_COAP_H
#define PQ_COAP_H

#include <stdbool.h>

#include "pq_bytes.h"
#include "pq_error.h"
#include "pq_wire.h"

#define PQ_COAP_HEADER_SIZE 4    /* version, type, token length, code, message id */
#define PQ_COAP_MAX_TOKEN   8    /* bytes */
#define PQ_COAP_MAX_BODY    1024 /* bytes in one message of ours; larger bodies go by blocks */

/* How long a message id stands for one exchange, s (§4.8.2). */
#define PQ_COAP_EXCHANGE_LIFETIME 247

enum { PQ_COAP_CON, PQ_COAP_NON, PQ_COAP_ACK, PQ_COAP_RST }; /* types, §3 */

/* Codes (§12.1), RFC 7959 §2.9: 4.01 is PQ_COAP_CODE(4, 1). */
#define PQ_COAP_CODE(class, detail) ((class) << 5 | (detail))
enum {
    PQ_COAP_EMPTY = 0,
    PQ_COAP_GET = 1,
    PQ_COAP_POST = 2,
    PQ_COAP_VALID = PQ_COAP_CODE(2, 3),
    PQ_COAP_CHANGED = PQ_COAP_CODE(2, 4),
    PQ_COAP_CONTENT = PQ_COAP_CODE(2, 5),
    PQ_COAP_CONTINUE = PQ_COAP_CODE(2, 31),
    PQ_COAP_BAD_REQUEST = PQ_COAP_CODE(4, 0),
    PQ_COAP_UNAUTHORIZED = PQ_COAP_CODE(4, 1),
    PQ_COAP_BAD_OPTION = PQ_COAP_CODE(4, 2),
    PQ_COAP_FORBIDDEN = PQ_COAP_CODE(4, 3),
    PQ_COAP_NOT_FOUND = PQ_COAP_CODE(4, 4),
    PQ_COAP_METHOD_NOT_ALLOWED = PQ_COAP_CODE(4, 5),
    PQ_COAP_NOT_ACCEPTABLE = PQ_COAP_CODE(4, 6),
    PQ_COAP_INCOMPLETE = PQ_COAP_CODE(4, 8),
    PQ_COAP_TOO_LARGE = PQ_COAP_CODE(4, 13),
    PQ_COAP_UNSUPPORTED_FORMAT = PQ_COAP_CODE(4, 15),
    PQ_COAP_INTERNAL_ERROR = PQ_COAP_CODE(5, 0),
    PQ_COAP_UNAVAILABLE = PQ_COAP_CODE(5, 3),
};

/* Option numbers (§12.2, RFC 7959, RFC 9175); an odd one is critical. */
enum {
    PQ_COAP_URI_HOST = 3,
    PQ_COAP_ETAG = 4,
    PQ_COAP_URI_PORT = 7,
    PQ_COAP_URI_PATH = 11,
    PQ_COAP_CONTENT_FORMAT = 12,
    PQ_COAP_MAX_AGE = 14,
    PQ_COAP_URI_QUERY = 15,
    PQ_COAP_ACCEPT = 17,
    PQ_COAP_BLOCK2 = 23,
    PQ_COAP_BLOCK1 = 27,
    PQ_COAP_ECHO = PQ_OPTION_ECHO,
    PQ_COAP_REQUEST_TAG = PQ_OPTION_REQUEST_TAG,
};

/* The value of Block1 or Block2. */
typedef struct {
    uint32_t num; /* at most 2^20 − 1 */
    bool more;
    uint8_t szx; /* 0–6: a block has 16 << szx bytes, at most 1024 */
} pq_coap_block;

#define PQ_COAP_MAX_SZX 6

static inline size_t pq_coap_block_size(const pq_coap_block *b)
{
    return (size_t)16 << b->szx;
}

/* Where the block stands in the body, bytes; below 2^30. */
static inline size_t pq_coap_block_offset(const pq_coap_block *b)
{
    return (size_t)b->num << (b->szx + 4);
}

/* A message. A span whose data is NULL was not there; one that was there may
 * have no bytes. Of an option that must not be repeated the first counts. */
typedef struct {
    uint8_t type, code;
    uint16_t mid;
    pq_span token; /* at most PQ_COAP_MAX_TOKEN bytes */

    /* The first critical option that is unknown to this header, repeated and
     * must not be, or of an illegal length (§5.4.1, §5.4.3, §5.4.5): a request
     * with one gets 4.02, a response is rejected. 0: none. Elective ones that
     * are unknown or of an illegal length are passed over. */
    uint16_t unrecognised;

    uint8_t path_segments;          /* Uri-Path options, 255 = that many or more */
    pq_span path;                   /* the last of them */
    uint8_t queries;                /* Uri-Query options, likewise */
    pq_span query;                  /* the first of them */
    int32_t content_format, accept; /* −1: not there */
    uint32_t max_age;               /* s; 60 where it is not there (§5.10.5) */
    pq_span echo, request_tag;
    pq_span block1, block2; /* for pq_coap_block_parse */
    pq_span etag;           /* the first; pq_coap_has_etag looks at all */

    pq_span options; /* as they stand */
    pq_span payload; /* NULL: none; never there and empty (§3) */
} pq_coap;

/* Reads one datagram. PQ_ERR_SHORT: less than a header, to be passed over.
 * PQ_ERR_VERSION: not version 1, to be passed over (§3). PQ_ERR_FORMAT: a message
 * format error, with out->type and out->mid as they stand: a CON gets a Reset,
 * the rest is passed over (§4.2, §4.3). What else is in *out is zero after an
 * error. Codes of a reserved class (1, 6, 7) are format errors (§3, §4.2). */
int pq_coap_parse(pq_coap *out, const uint8_t *datagram, size_t len);

/* Whether one of the message's ETags has this value. */
bool pq_coap_has_etag(const pq_coap *m, const uint8_t *etag, size_t len);

/* Reads the value of a Block option. PQ_ERR_ARG for SZX 7, which is reserved,
 * PQ_ERR_LENGTH over 3 bytes; *out is then zero. */
int pq_coap_block_parse(pq_coap_block *out, pq_span value);

/* Writes a message piece by piece: begin, options in ascending order, at most
 * one payload, end. What does not fit is remembered until the end. */
typedef struct {
    uint8_t *out;
    size_t max, len;
    uint16_t number; /* of the last option */
    int err;
} pq_coap_writer;

/* token.len at most PQ_COAP_MAX_TOKEN. */
void pq_coap_begin(pq_coap_writer *w, uint8_t *out, size_t max, uint8_t type, uint8_t code,
                   uint16_t mid, pq_span token);
void pq_coap_option(pq_coap_writer *w, uint16_t number, const void *value, size_t len);
/* In the fewest bytes (§3.2). */
void pq_coap_option_uint(pq_coap_writer *w, uint16_t number, uint32_t value);
void pq_coap_option_block(pq_coap_writer *w, uint16_t number, const pq_coap_block *b);
/* Makes room for a payload of len bytes and returns where it goes: whatever
 * makes it can write it in place. NULL if there is no room, or len is 0: then
 * there is no payload. */
uint8_t *pq_coap_payload(pq_coap_writer *w, size_t len);
/* The message's length, or PQ_ERR_LENGTH if it did not fit, PQ_ERR_ARG if the
 * options were not in order or the token too long; the output is then zero. */
int pq_coap_end(pq_coap_writer *w);

/* An empty ACK or RST (§4.2): 4 bytes. */
void pq_coap_empty(uint8_t out[PQ_COAP_HEADER_SIZE], uint8_t type, uint16_t mid);

#endif
