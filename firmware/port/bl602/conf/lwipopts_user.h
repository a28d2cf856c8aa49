/* lwIP as gateway and sender need it: DHCP and one UDP socket. No IPv6, no
 * fragments: what does not fit one frame is not for these boards. Nothing listens
 * on TCP; it is there because the SDK's iperf, always compiled, will not do
 * without. */
#ifndef LWIP_HDR_LWIPOPTS_USER_H
#define LWIP_HDR_LWIPOPTS_USER_H

#include <stdbool.h> /* the SDK's sources count on it */

#define NO_SYS               0
#define SYS_LIGHTWEIGHT_PROT 1
#define LWIP_TCP             1
#define LWIP_IPV6            0
#define LWIP_RAW             1 /* the access point's DHCP server, which is compiled in any case */
#define LWIP_DHCP            1
#define LWIP_DNS             1 /* the Wi-Fi manager asks it for the server's address */
#define LWIP_IGMP            0
#define IP_REASSEMBLY        0
#define IP_FRAG              0
#define LWIP_STATS           1 /* likewise the SDK's commands */
#define LWIP_STATS_DISPLAY   1

#define LWIP_NETIF_API             1
#define LWIP_NETIF_HOSTNAME        1
#define LWIP_NETIF_STATUS_CALLBACK 1
#define LWIP_NETIF_LINK_CALLBACK   1
#define LWIP_NETIF_LOOPBACK        0
#define LWIP_HAVE_LOOPIF           0
#define LWIP_SO_RCVTIMEO           1
#define SO_REUSE                   1

/* The radio sends straight from a pbuf: one piece, with room before the Ethernet
 * header for its descriptor (net.c checks how much). */
#define LWIP_NETIF_TX_SINGLE_PBUF    1
#define LWIP_SUPPORT_CUSTOM_PBUF     1
#define PBUF_LINK_ENCAPSULATION_HLEN 388 /* bytes */

#define MEM_ALIGNMENT           4
#define MEM_SIZE                (12 * 1024) /* bytes, datagrams on their way out */
#define MEMP_NUM_PBUF           16
#define MEMP_NUM_UDP_PCB        6
#define MEMP_NUM_TCP_PCB        2
#define MEMP_NUM_TCP_PCB_LISTEN 1
#define MEMP_NUM_TCP_SEG        8
#define TCP_MSS                 1460
#define TCP_WND                 (2 * TCP_MSS)
#define TCP_SND_BUF             (2 * TCP_MSS)
#define MEMP_NUM_NETCONN        4
#define MEMP_NUM_NETBUF         16
#define PBUF_POOL_SIZE          0 /* what arrives lies in the radio's buffers */

#define TCPIP_MBOX_SIZE           32
#define TCPIP_THREAD_STACKSIZE    1024 /* words */
#define TCPIP_THREAD_PRIO         28
#define DEFAULT_THREAD_STACKSIZE  1024 /* words */
#define DEFAULT_THREAD_PRIO       1
#define DEFAULT_UDP_RECVMBOX_SIZE 4 /* more would keep the radio's 7 buffers */
#define DEFAULT_RAW_RECVMBOX_SIZE 4
#define DEFAULT_TCP_RECVMBOX_SIZE 4
#define DEFAULT_ACCEPTMBOX_SIZE   4

#define LWIP_CHKSUM_ALGORITHM 3
#define LWIP_TIMEVAL_PRIVATE  0
#define LWIP_ERRNO_STDINCLUDE 1
#define LWIP_SOCKET_SET_ERRNO 1
#define LWIP_RAND()           ((u32_t)random())

#endif
