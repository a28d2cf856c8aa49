/* Wi-Fi station with DHCP, and one UDP socket. */
#include "glue.h"

#include <stdatomic.h>
#include <string.h>

#include "lwip/api.h"

#include "bl_tx.h"
#include "wifi_mgmr_ext.h"

#include "pq_secret.h"

/* The radio puts its descriptor before the frame, on a word of its own. */
_Static_assert(PBUF_LINK_ENCAPSULATION_HLEN >= sizeof(struct bl_txhdr) + 4, "no room for it");

static atomic_bool up;
static bool awake; /* power save was ended since the network came up */
static struct netconn *conn;

void pq_net_up(bool is)
{
    atomic_store(&up, is);
}

/* IEEE 802.11-2020 §9.4.2.2; Annex J.4 for the passphrase. */
static bool usable(const char *ssid, const char *pass)
{
    size_t s = strlen(ssid), p = strlen(pass);
    if (s < 1 || s > 32)
        return false;
    if (p == 64)
        return strspn(pass, "0123456789abcdefABCDEF") == 64;
    return p == 0 || (p >= 8 && p <= 63);
}

int pq_port_net_join(const char *ssid, const char *pass)
{
    char name[33], secret[65]; /* the SDK wants them writable, and copies them */
    if (!usable(ssid, pass))
        return PQ_ERR_ARG;
    strcpy(name, ssid);
    strcpy(secret, pass);
    wifi_mgmr_sta_autoconnect_enable();
    wifi_interface_t station = wifi_mgmr_sta_enable();
    bool raw = strlen(secret) == 64;
    int err = wifi_mgmr_sta_connect(station, name, raw || secret[0] == '\0' ? NULL : secret,
                                    raw ? secret : NULL, NULL, 0, 0);
    pq_wipe(secret, sizeof secret);
    return err == 0 ? PQ_OK : PQ_ERR_NET;
}

bool pq_port_net_address(pq_endpoint *addr)
{
    memset(addr, 0, sizeof *addr);
    uint32_t ip = 0, mask, gw, dns;
    if (!atomic_load(&up)) {
        awake = false;
        return false;
    }
    if (!awake)
        wifi_mgmr_sta_ps_exit(); /* a board that sleeps between beacons answers late */
    awake = true;
    wifi_sta_ip4_addr_get(&ip, &mask, &gw, &dns);
    memcpy(addr->addr, &ip, 4); /* lwIP keeps it in network order */
    addr->addr_len = 4;
    return ip != 0;
}

/* In lwIP's task. */
static void on_socket(struct netconn *c, enum netconn_evt event, u16_t len)
{
    (void)c;
    (void)len;
    if (event == NETCONN_EVT_RCVPLUS)
        pq_wake();
}

int pq_port_udp_open(uint16_t port)
{
    if (conn != NULL)
        netconn_delete(conn);
    conn = netconn_new_with_callback(NETCONN_UDP, on_socket);
    if (conn == NULL)
        return PQ_ERR_NET;
    netconn_set_nonblocking(conn, 1);
    if (netconn_bind(conn, IP_ADDR_ANY, port) == ERR_OK)
        return PQ_OK;
    netconn_delete(conn);
    conn = NULL;
    return PQ_ERR_NET;
}

int pq_port_udp_send(const pq_endpoint *to, const uint8_t *p, size_t n)
{
    if (conn == NULL || to->addr_len != 4 || n > 1472) /* one frame: 1500 less IP and UDP */
        return PQ_ERR_NET;
    ip_addr_t ip;
    memcpy(&ip_2_ip4(&ip)->addr, to->addr, 4);
    struct netbuf *b = netbuf_new();
    void *data = b != NULL ? netbuf_alloc(b, (u16_t)n) : NULL;
    err_t err = ERR_MEM;
    if (data != NULL) {
        memcpy(data, p, n);
        err = netconn_sendto(conn, b, &ip, to->port);
    }
    netbuf_delete(b);
    return err == ERR_OK ? PQ_OK : PQ_ERR_NET;
}

int pq_port_udp_receive(pq_endpoint *from, uint8_t *p, size_t max)
{
    memset(from, 0, sizeof *from);
    struct netbuf *b = NULL;
    if (conn == NULL || netconn_recv(conn, &b) != ERR_OK)
        return PQ_ERR_BUSY;
    memcpy(from->addr, &ip_2_ip4(netbuf_fromaddr(b))->addr, 4);
    from->addr_len = 4;
    from->port = netbuf_fromport(b);
    size_t n = netbuf_len(b);
    netbuf_copy(b, p, (u16_t)(n < max ? n : max));
    netbuf_delete(b);
    return n > max ? PQ_ERR_LENGTH : (int)n;
}
