/* Records of the PineCone serial stream, version 1: both checksums, the
 * header, a whole record, and a reader of what the host sends. The layout
 * stands in pq_wire.h.
 *
 * RAM: none, except pq_reader: 36 bytes on RV32 and the buffer that its owner lends
 * it. Constant tables: 96 bytes. */
#ifndef PQ_RECORD_H
#define PQ_RECORD_H

#include "pq_bytes.h"
#include "pq_error.h"
#include "pq_wire.h"

/* CRC-16/CCITT-FALSE: polynomial 0x1021, start 0xFFFF, not reflected;
 * "123456789" gives 0x29B1. */
uint16_t pq_crc16(const uint8_t *p, size_t n);

/* CRC-32 (IEEE 802.3); "123456789" gives 0xCBF43926. Start with crc = 0 and
 * pass the result on to continue. */
uint32_t pq_crc32(uint32_t crc, const uint8_t *p, size_t n);

/* What stands before a body. */
typedef struct {
    uint8_t type;    /* PQ_TYPE_… */
    uint8_t version; /* major wire version, PQ_MAJOR */
    uint16_t len;    /* of the body, bytes, at most PQ_MAX_BODY */
    uint16_t seq;
    uint64_t time; /* µs since boot; 0 from the host */
} pq_header;

/* Writes PQ_HEADER_SIZE bytes, the header CRC included. */
void pq_header_write(uint8_t *out, const pq_header *h);

/* Reads a header. *h is zeroed on error, except that PQ_ERR_VERSION leaves
 * h->version. PQ_ERR_SHORT: what is there is right so far; PQ_ERR_SYNC,
 * PQ_ERR_CRC, PQ_ERR_LENGTH, PQ_ERR_VERSION: no record of ours starts here. */
int pq_header_parse(pq_header *h, const uint8_t *in, size_t n);

/* Writes a whole record of h->len bytes of body into out. Returns its size, or
 * PQ_ERR_LENGTH if the body is over PQ_MAX_BODY or out too small. */
int pq_record_write(uint8_t *out, size_t room, const pq_header *h, const uint8_t *body);

/* Reads records from any stream of bytes: garbage is skipped and counted, and
 * after a bad checksum reading goes on at the byte after that sync, inside
 * what is already held, so that one bad record never costs a good one. */
typedef struct {
    uint8_t *buf;
    size_t size;           /* of buf */
    size_t start, len;     /* bytes held: buf[start] … buf[start+len-1] */
    uint32_t records;      /* good ones */
    uint32_t skipped;      /* bytes that belong to no good record */
    uint32_t bad;          /* syncs with a bad CRC or length, or too long for buf */
    uint32_t foreign;      /* good headers of another major version */
    uint8_t foreign_major; /* the last of those versions */
} pq_reader;

/* The buffer bounds the longest record that can be read: at least
 * PQ_HEADER_SIZE + PQ_TRAILER_SIZE bytes; PQ_MAX_RECORD bytes
 * read any. A record that does not fit is counted in bad. */
void pq_reader_init(pq_reader *r, uint8_t *buf, size_t size);

/* Where the next bytes of the stream go, and how many fit. It moves what is
 * held, so a body got from pq_reader_next ends its life here. Never 0 after
 * pq_reader_next has returned 0. */
size_t pq_reader_room(pq_reader *r, uint8_t **at);

/* n bytes were put where pq_reader_room said. */
void pq_reader_fed(pq_reader *r, size_t n);

/* 1: *h and *body are the next record; the body lies in the reader's buffer.
 * 0: more bytes are needed. */
int pq_reader_next(pq_reader *r, pq_header *h, const uint8_t **body);

/* The rest of a record that has begun will not come (the line was silent for
 * too long): look for records behind its sync. */
void pq_reader_give_up(pq_reader *r);

#endif
