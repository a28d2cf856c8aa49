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
};

#endif
