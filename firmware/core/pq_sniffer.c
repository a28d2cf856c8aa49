#include "pq_sniffer.h"

#include <string.h>

#define RULES_NEW  4u    /* in rules_middle: the consumer has put rules there */
#define RULES_SLOT 3u    /* mask */
#define TURNS      64    /* records per poll, so that hop and status keep their time */
#define DRAIN_US   1000u /* how often to ask whether the UART is idle */

/* --- Producer */

/* The rules in force; takes newer ones if there are any. */
static const pq_sniffer_rules *rules(pq_sniffer *s)
{
    if (atomic_load_explicit(&s->rules_middle, memory_order_relaxed) & RULES_NEW)
        s->rules_front =
            atomic_exchange_explicit(&s->rules_middle, s->rules_front, memory_order_acq_rel) &
            RULES_SLOT;
    return &s->rules[s->rules_front];
}

/* Copies the first bytes of a frame together; returns how many. */
static size_t gather(uint8_t *out, size_t room, const pq_span *parts, size_t n)
{
    size_t len = 0;
    for (size_t i = 0; i < n && len < room; i++) {
        size_t take = parts[i].len < room - len ? parts[i].len : room - len;
        if (take > 0)
            memcpy(out + len, parts[i].data, take);
        len += take;
    }
    return len;
}

static void put_frame(pq_ring *ring, const uint8_t *head, const pq_span *parts, size_t keep)
{
    pq_ring_put(ring, head, PQ_SNIFFER_FRAME_HEAD);
    for (size_t i = 0; keep > 0; i++) {
        size_t take = parts[i].len < keep ? parts[i].len : keep;
        pq_ring_put(ring, parts[i].data, take);
        keep -= take;
    }
    pq_ring_commit(ring);
}

int pq_sniffer_heard(void *ctx, const pq_radio_info *info, const pq_span *parts, size_t n)
{
    pq_sniffer *s = ctx;
    const pq_sniffer_rules *r = rules(s);
    uint8_t mac[PQ_MAC_HEADER_MAX];
    if (!pq_filter_pass(&r->filter, mac, gather(mac, sizeof mac, parts, n))) {
        uint32_t filtered = atomic_load_explicit(&s->filtered, memory_order_relaxed);
        atomic_store_explicit(&s->filtered, filtered + 1, memory_order_relaxed);
        return 0;
    }
    size_t len = 0;
    for (size_t i = 0; i < n; i++)
        len += parts[i].len;
    size_t keep = len < PQ_MAX_FRAME ? len : PQ_MAX_FRAME;
    if (r->snap != 0 && keep > r->snap)
        keep = r->snap;
    int err = pq_ring_begin(&s->ring, PQ_SNIFFER_FRAME_HEAD + keep);
    if (err != PQ_OK)
        return err;

    uint8_t head[PQ_SNIFFER_FRAME_HEAD];
    pq_store64(head, info->time_us);
    pq_store16(head + 8, info->freq);
    head[10] = (uint8_t)info->rssi;
    head[11] = info->phy;
    head[12] = info->rate;
    head[13] = (uint8_t)(info->flags | (keep < len ? PQ_FRAME_CUT : 0));
    pq_store16(head + 14, info->air_len);
    put_frame(&s->ring, head, parts, keep);
    return 1;
}

bool pq_sniffer_has_room(void *ctx, size_t len)
{
    pq_sniffer *s = ctx;
    uint16_t snap = rules(s)->snap;
    size_t keep = len < PQ_MAX_FRAME ? len : PQ_MAX_FRAME;
    if (snap != 0 && keep > snap)
        keep = snap;
    return pq_ring_has_room(&s->ring, PQ_SNIFFER_FRAME_HEAD + keep);
}

/* --- Consumer */

void pq_sniffer_publish_rules(pq_sniffer *s)
{
    s->rules[s->rules_back] = s->wanted;
    s->rules_back = atomic_exchange_explicit(&s->rules_middle, s->rules_back | RULES_NEW,
                                             memory_order_acq_rel) &
                    RULES_SLOT;
}

int pq_sniffer_tune(pq_sniffer *s, uint8_t channel)
{
    int err = pq_port_radio_channel(channel);
    if (err == PQ_OK)
        s->channel = channel;
    return err;
}

int pq_sniffer_init(pq_sniffer *s, const pq_board *board)
{
    memset(s, 0, sizeof *s);
    if (board->channel < PQ_CHANNEL_MIN || board->channel > PQ_CHANNEL_MAX)
        return PQ_ERR_ARG;
    int err = pq_ring_init(&s->ring, board->ring, board->ring_size);
    if (err != PQ_OK)
        return err;
    s->board = *board;
    s->baud = board->baud;
    s->channel = board->channel;
    s->wanted = (pq_sniffer_rules){.filter = {.types = PQ_FILTER_ALL}};
    for (uint32_t i = 0; i < 3; i++)
        s->rules[i] = s->wanted;
    s->rules_front = 0;
    atomic_init(&s->rules_middle, 1);
    s->rules_back = 2;
    atomic_init(&s->filtered, 0);
    s->tx_at = 4;
    pq_reader_init(&s->reader, s->rx_buf, sizeof s->rx_buf);
    s->next_status = pq_port_time_us() + PQ_SNIFFER_STATUS_US;
    s->due = PQ_SNIFFER_DUE_HELLO;
    if (pq_sniffer_tune(s, board->channel) == PQ_OK)
        return pq_sniffer_log(s, PQ_LOG_INFO, "sniffer ready");
    return pq_sniffer_log(s, PQ_LOG_WARNING, "the radio did not take its channel at boot");
}

int pq_sniffer_log(pq_sniffer *s, uint8_t level, const char *text)
{
    if (s->due & PQ_SNIFFER_DUE_LOG)
        return PQ_ERR_BUSY;
    size_t n = strlen(text);
    if (n > PQ_SNIFFER_LOG_MAX)
        n = PQ_SNIFFER_LOG_MAX;
    s->log[0] = level;
    memcpy(s->log + 1, text, n);
    s->log_len = (uint8_t)(1 + n);
    s->due |= PQ_SNIFFER_DUE_LOG;
    return PQ_OK;
}

void pq_sniffer_status(pq_sniffer *s)
{
    s->due |= PQ_SNIFFER_DUE_STATUS;
}

bool pq_sniffer_idle(pq_sniffer *s)
{
    pq_ring_entry e;
    return s->tx_at == 4 && s->due == 0 && s->next_baud == 0 && !pq_ring_peek(&s->ring, &e);
}

/* Frames dropped up to this point of the stream take their numbers. */
static void account(pq_sniffer *s, uint32_t dropped)
{
    s->made += dropped - s->accounted;
    s->accounted = dropped;
}

static pq_header next_header(pq_sniffer *s, uint8_t type, size_t len, uint64_t time)
{
    return (pq_header){.type = type,
                       .version = s->board.major,
                       .len = (uint16_t)len,
                       .seq = (uint16_t)s->made++,
                       .time = time};
}

/* Where the body of a record goes that is to be made now. */
static uint8_t *begin(pq_sniffer *s)
{
    account(s, pq_ring_dropped(&s->ring));
    return s->tx_buf + PQ_HEADER_SIZE;
}

/* Makes the record of the body that stands where begin said. */
static void send(pq_sniffer *s, uint8_t type, size_t len)
{
    pq_header h = next_header(s, type, len, pq_port_time_us());
    size_t end = PQ_HEADER_SIZE + len;
    pq_header_write(s->tx_buf, &h);
    pq_store32(s->tx_buf + end, pq_crc32(0, s->tx_buf, end));
    s->tx[3] = (pq_span){s->tx_buf, end + PQ_TRAILER_SIZE};
    s->tx_at = 3;
    s->tx_frame = false;
}

static size_t put_string(uint8_t *out, const char *text)
{
    size_t n = strlen(text);
    if (n > PQ_STRING_MAX)
        n = PQ_STRING_MAX;
    out[0] = (uint8_t)n;
    memcpy(out + 1, text, n);
    return 1 + n;
}

static void send_hello(pq_sniffer *s)
{
    uint8_t *b = begin(s);
    b[0] = s->board.major;
    b[1] = PQ_MINOR;
    b[2] = s->board.role;
    b[3] = s->channel;
    pq_store32(b + 4, s->board.caps);
    memcpy(b + 8, s->board.mac, 6);
    pq_store16(b + 14, s->wanted.snap);
    pq_store32(b + 16, s->baud);
    pq_store32(b + 20, s->ring.size);
    size_t n = PQ_HELLO_HEAD_SIZE;
    n += put_string(b + n, s->board.firmware);
    n += put_string(b + n, s->board.name);
    send(s, PQ_TYPE_HELLO, n);
}

static void send_status(pq_sniffer *s)
{
    uint8_t *b = begin(s);
    uint32_t passed = s->frames + s->accounted;
    uint64_t high = (uint64_t)pq_ring_high_water(&s->ring) * 1000 / s->ring.size;
    pq_store32(b, passed + atomic_load_explicit(&s->filtered, memory_order_relaxed));
    pq_store32(b + 4, passed);
    pq_store32(b + 8, s->accounted);
    pq_store32(b + 12, pq_port_radio_dropped());
    pq_store32(b + 16, s->uart_bytes);
    pq_store16(b + 20, (uint16_t)high);
    b[22] = s->channel;
    b[23] = s->hop.n > 0 ? PQ_STATUS_HOPPING : 0;
    pq_store32(b + 24, pq_port_free_heap());
    pq_store32(b + 28, (uint32_t)(pq_port_time_us() / 1000000));
    send(s, PQ_TYPE_STATUS, PQ_STATUS_SIZE);
}

static void send_copy(pq_sniffer *s, uint8_t type, const uint8_t *body, size_t len)
{
    memcpy(begin(s), body, len);
    send(s, type, len);
}

/* The record of the oldest frame in the ring, written from where it lies. */
static bool send_frame(pq_sniffer *s)
{
    pq_ring_entry e;
    if (!pq_ring_peek(&s->ring, &e))
        return false;
    uint8_t time[8];
    pq_ring_copy(&e, 0, time, sizeof time);
    /* The time goes into the header; the rest of the entry is the body. */
    for (size_t i = 0, left = sizeof time; i < 2; i++) {
        size_t take = left < e.part[i].len ? left : e.part[i].len;
        e.part[i].data += take;
        e.part[i].len -= take;
        left -= take;
    }
    account(s, e.dropped);
    pq_header h = next_header(s, PQ_TYPE_FRAME, e.len - sizeof time, pq_load64(time));
    uint8_t *trailer = s->tx_buf + PQ_HEADER_SIZE;
    pq_header_write(s->tx_buf, &h);
    uint32_t crc = pq_crc32(0, s->tx_buf, PQ_HEADER_SIZE);
    crc = pq_crc32(crc, e.part[0].data, e.part[0].len);
    pq_store32(trailer, pq_crc32(crc, e.part[1].data, e.part[1].len));
    s->tx[0] = (pq_span){s->tx_buf, PQ_HEADER_SIZE};
    s->tx[1] = e.part[0];
    s->tx[2] = e.part[1];
    s->tx[3] = (pq_span){trailer, PQ_TRAILER_SIZE};
    s->tx_at = 0;
    s->tx_frame = true;
    s->frames++;
    return true;
}

/* Writes what the UART takes of the present record; true if none is left. */
static bool flush(pq_sniffer *s)
{
    for (; s->tx_at < 4; s->tx_at++) {
        pq_span *t = &s->tx[s->tx_at];
        size_t n = t->len > 0 ? pq_port_uart_write(t->data, t->len) : 0;
        s->uart_bytes += (uint32_t)n;
        t->data += n;
        t->len -= n;
        if (t->len > 0)
            return false;
    }
    if (s->tx_frame)
        pq_ring_pop(&s->ring);
    s->tx_frame = false;
    return true;
}

/* Logs a count that has grown since it was last told. */
static void tell(pq_sniffer *s, uint32_t count, uint32_t *told, uint8_t level, const char *text)
{
    if (count != *told && pq_sniffer_log(s, level, text) == PQ_OK)
        *told = count;
}

/* Reads at most one command; true if one came. It takes bytes from the UART
 * only once, so that a flood of garbage cannot keep us here. */
static bool read_command(pq_sniffer *s)
{
    pq_header h;
    const uint8_t *body;
    bool came = true, asked = false;
    while (came && !pq_reader_next(&s->reader, &h, &body)) {
        uint8_t *at;
        size_t room = pq_reader_room(&s->reader, &at);
        size_t n = asked ? 0 : pq_port_uart_read(at, room);
        uint64_t now = pq_port_time_us();
        if (n > 0) {
            s->last_byte = now;
            pq_reader_fed(&s->reader, n);
        } else if (s->reader.len > 0 && now - s->last_byte >= PQ_SNIFFER_GAP_US) {
            pq_reader_give_up(&s->reader);
        } else {
            came = false;
        }
        asked = true;
    }
    tell(s, s->reader.foreign, &s->foreign_told, PQ_LOG_WARNING,
         "a command of another wire version came: this board cannot read it");
    if (!came)
        return s->due != 0;
    tell(s, s->reader.skipped, &s->skipped_told, PQ_LOG_DEBUG,
         "bytes that are no command came before this one");
    pq_sniffer_command(s, &h, body);
    return true;
}

/* Makes the next record; false if there is none to make. */
static bool next_record(pq_sniffer *s)
{
    uint8_t due = s->due & (uint8_t)-s->due; /* the lowest bit goes first */
    s->due &= (uint8_t)~due;
    switch (due) {
    case PQ_SNIFFER_DUE_HELLO:
        send_hello(s);
        return true;
    case PQ_SNIFFER_DUE_STATUS:
        send_status(s);
        return true;
    case PQ_SNIFFER_DUE_REPLY:
        send_copy(s, PQ_TYPE_REPLY, s->reply, s->reply_len);
        return true;
    case PQ_SNIFFER_DUE_LOG:
        send_copy(s, PQ_TYPE_LOG, s->log, s->log_len);
        return true;
    default:
        return read_command(s) || send_frame(s);
    }
}

static void keep_time(pq_sniffer *s, uint64_t now)
{
    if (now >= s->next_status) {
        pq_sniffer_status(s);
        s->next_status += PQ_SNIFFER_STATUS_US;
        if (s->next_status <= now) /* far behind: no burst to catch up */
            s->next_status = now + PQ_SNIFFER_STATUS_US;
    }
    if (s->hop.n == 0 || now < s->next_hop)
        return;
    s->hop_at = (uint8_t)((s->hop_at + 1) % s->hop.n);
    if (pq_sniffer_tune(s, s->hop.channel[s->hop_at]) != PQ_OK)
        (void)pq_sniffer_log(s, PQ_LOG_WARNING,
                             "the radio did not take the next channel of the hop");
    s->next_hop += (uint64_t)s->hop.dwell * 1000;
    if (s->next_hop <= now)
        s->next_hop = now + (uint64_t)s->hop.dwell * 1000;
}

/* µs until something is to be done without the port's word. */
static uint32_t sleep_us(const pq_sniffer *s, bool reading)
{
    uint64_t now = pq_port_time_us(), at = s->next_status;
    if (s->hop.n > 0 && s->next_hop < at)
        at = s->next_hop;
    if (reading && s->reader.len > 0 && s->last_byte + PQ_SNIFFER_GAP_US < at)
        at = s->last_byte + PQ_SNIFFER_GAP_US;
    return at > now ? (uint32_t)(at - now) : 0;
}

uint32_t pq_sniffer_poll(pq_sniffer *s)
{
    keep_time(s, pq_port_time_us());
    for (int i = 0; i < TURNS; i++) {
        if (!flush(s))
            return sleep_us(s, false);
        if (s->next_baud != 0 && !(s->due & PQ_SNIFFER_DUE_REPLY)) {
            if (!pq_port_uart_idle())
                return DRAIN_US;
            pq_port_uart_set_baud(s->next_baud);
            s->baud = s->next_baud;
            s->next_baud = 0;
        }
        if (!next_record(s))
            return sleep_us(s, true);
    }
    return 0;
}
