/* What a board is to the core. Each port (bl602, posix) implements these
 * functions; a role links only with those that it calls.
 *
 * All of them are called from the role's main loop, and none of them blocks,
 * pq_port_wait apart. Errors are PQ_ERR_… of pq_error.h. */
#ifndef PQ_PORT_H
#define PQ_PORT_H

#include <stdbool.h>

#include "pq_bytes.h"
#include "pq_error.h"

/* What a port knows of the board it runs on; it hands this to the role. */
typedef struct {
    const char *name;     /* UTF-8, at most 255 bytes are told */
    const char *firmware; /* version, likewise */
    uint8_t mac[6];
    uint8_t major;   /* wire version; PQ_MAJOR, but for boards simulated to be refused */
    uint8_t role;    /* PQ_ROLE_…, likewise */
    uint8_t channel; /* at boot, 1–14 */
    uint32_t caps;   /* PQ_CAP_… */
    uint32_t baud;   /* at boot */
    uint8_t *ring;   /* for the frames, a power of two in bytes */
    uint32_t ring_size;
} pq_board;

/* --- Time */

/* µs since boot; never runs backwards. */
uint64_t pq_port_time_us(void);

/* --- UART */

/* Takes as many of n bytes as there is room for and returns how many. */
size_t pq_port_uart_write(const uint8_t *p, size_t n);

/* Gives at most n bytes that have come and returns how many. */
size_t pq_port_uart_read(uint8_t *p, size_t n);

/* Whether all bytes taken have left, so that the rate may change. */
bool pq_port_uart_idle(void);

/* Whether pq_port_uart_set_baud can do this rate. */
bool pq_port_uart_can_baud(uint32_t baud);
void pq_port_uart_set_baud(uint32_t baud);

/* --- Radio, in monitor mode */

/* What the radio says of a frame. */
typedef struct {
    uint64_t time_us; /* since boot, or the TSF if flags say so */
    uint16_t freq;    /* MHz, primary 20 MHz channel */
    int8_t rssi;      /* dBm, or PQ_RSSI_UNKNOWN */
    uint8_t phy;      /* PQ_PHY_… */
    uint8_t rate;     /* legacy: 500 kb/s; HT: MCS index */
    uint8_t flags;    /* PQ_FRAME_…, PQ_FRAME_CUT if the radio gave less than air_len */
    uint16_t air_len; /* bytes on air, without FCS */
} pq_radio_info;

/* Where the radio leaves its frames. heard gets a frame without FCS in parts
 * (a chain of buffers) that are valid only during the call. The port may call
 * it from any one task. It returns 1 if the frame was kept, 0 if the filter
 * held it back, or PQ_ERR_FULL if it was dropped for want of room. has_room says
 * whether a frame of len bytes would find room now: a source that can wait,
 * such as a file, asks before; a radio cannot wait. */
typedef struct {
    int (*heard)(void *ctx, const pq_radio_info *info, const pq_span *parts, size_t n);
    bool (*has_room)(void *ctx, size_t len);
    void *ctx;
} pq_radio_sink;

/* From now on frames come to *sink, which the port copies. */
int pq_port_radio_start(const pq_radio_sink *sink);

/* Tunes to channel 1–14. PQ_ERR_BUSY: not now; PQ_ERR_UNSUPPORTED: never. */
int pq_port_radio_channel(uint8_t channel);

/* Frames lost inside the radio since boot; 0 = not known. */
uint32_t pq_port_radio_dropped(void);

/* --- Random */

/* Fills out with n bytes of the hardware's random generator. PQ_ERR_RANDOM if it
 * fails; out is then zero. */
int pq_port_random(uint8_t *out, size_t n);

/* --- Network: Wi-Fi station with DHCP, and one UDP socket */

/* Where a datagram comes from or goes to. */
typedef struct {
    uint8_t addr[16]; /* network order; IPv4 uses the first four bytes, the rest is zero */
    uint8_t addr_len; /* 4 or 16 */
    uint16_t port;
} pq_endpoint;

/* Begins to join a network, and does so again whenever it is lost. pass may be
 * empty: an open network. PQ_ERR_ARG for a name or passphrase that cannot be one. */
int pq_port_net_join(const char *ssid, const char *pass);

/* Whether the board has an address now; *addr is then that, with port 0. */
bool pq_port_net_address(pq_endpoint *addr);

/* Opens the socket on a local port, 0 = any. It survives a lost network. */
int pq_port_udp_open(uint16_t port);

/* PQ_ERR_NET if it cannot leave now; whoever sends must live with loss anyway. */
int pq_port_udp_send(const pq_endpoint *to, const uint8_t *p, size_t n);

/* Length of the datagram put at p, PQ_ERR_BUSY if none waits, PQ_ERR_LENGTH if it
 * was longer than max: its first max bytes are at p, the rest is lost. */
int pq_port_udp_receive(pq_endpoint *from, uint8_t *p, size_t max);

/* --- Flash: the area that keeps keys, PQ_FLASH_SIZE bytes in sectors */

#define PQ_FLASH_SIZE   8192 /* bytes: partition KEY */
#define PQ_FLASH_SECTOR 4096 /* bytes, erased together to 0xff */

/* Offsets count from the start of the area; writing can only clear bits. All
 * return PQ_OK, PQ_ERR_ARG outside the area, or PQ_ERR_FLASH. */
int pq_port_flash_read(uint32_t offset, uint8_t *p, size_t n);
int pq_port_flash_write(uint32_t offset, const uint8_t *p, size_t n);
int pq_port_flash_erase(uint32_t offset); /* the sector that begins there */

/* --- LED and screen */

enum { PQ_LED_OFF = 0, PQ_LED_RED = 1, PQ_LED_GREEN = 2, PQ_LED_BLUE = 4 };
void pq_port_led(uint8_t colours); /* PQ_LED_… added up */

/* One I2C message of at most 255 bytes to the SSD1306, its control byte first.
 * PQ_ERR_UNSUPPORTED if no screen answers. */
int pq_port_screen_write(const uint8_t *p, size_t n);

/* --- The rest */

/* Boots anew; a simulated board may return. */
void pq_port_reset(void);

/* Free heap, bytes; 0 = not known. */
uint32_t pq_port_free_heap(void);

typedef enum {
    PQ_PORT_GO_ON,
    PQ_PORT_RADIO_ENDED, /* nothing more will be heard: a capture file is over */
    PQ_PORT_STOP,        /* leave at once */
} pq_port_event;

/* Sleeps until there is reason to look again: bytes or a datagram have come, the
 * UART has room after it had none, a frame was heard, the network came or went, or
 * max_us have passed. It may return early. A board says PQ_PORT_GO_ON for ever. */
pq_port_event pq_port_wait(uint32_t max_us);

#endif
