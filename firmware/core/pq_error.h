/* What functions of the core return: 0 or more is success, negative is one of
 * these. */
#ifndef PQ_ERROR_H
#define PQ_ERROR_H

enum {
    PQ_OK = 0,
    PQ_ERR_ARG = -1,         /* a value outside of what the header allows */
    PQ_ERR_SHORT = -2,       /* not all bytes are there */
    PQ_ERR_SYNC = -3,        /* no record starts here */
    PQ_ERR_CRC = -4,         /* a checksum does not hold */
    PQ_ERR_LENGTH = -5,      /* longer than allowed */
    PQ_ERR_VERSION = -6,     /* another major wire version */
    PQ_ERR_FULL = -7,        /* no room; whoever returns it has counted it */
    PQ_ERR_BUSY = -8,        /* not now, ask again */
    PQ_ERR_UNSUPPORTED = -9, /* this board cannot */
    PQ_ERR_KEY = -10,        /* a key that breaks its own rules (FIPS 203 §7.2, §7.3) */
    PQ_ERR_RANDOM = -11,     /* the random source failed */
    PQ_ERR_TAG = -12,        /* an authentication tag does not verify */
    PQ_ERR_REPLAY = -13,     /* a sequence number seen before, or too old to tell */
    PQ_ERR_ENDED = -14,      /* the session has reached one of its limits */
    PQ_ERR_FLASH = -15,      /* the flash does not read, erase or write */
    PQ_ERR_EMPTY = -16,      /* nothing has been stored there yet */
    PQ_ERR_DAMAGED = -17,    /* what was stored there is not whole */
    PQ_ERR_NET = -18,        /* the network took nothing */
    PQ_ERR_FORMAT = -19,     /* a message that breaks its own format */
};

#endif
