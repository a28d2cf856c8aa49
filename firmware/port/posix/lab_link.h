/* The link between a simulated gateway or sender board and the lab that runs it
 * in virtual time, over the board's stdin and stdout. The lab says what happens
 * and what time it is; the board does all that is due, tells what came of it, and
 * says when it wants to be called next. So a run depends on nothing but its seed.
 *
 * A message is type (1), length of the body (4, little-endian, at most
 * PQ_LAB_BODY_MAX), body. Addresses are IPv4, 4 bytes, and a port, 2 bytes
 * big-endian.
 *
 *   lab → board
 *   'N'  address (4), or empty    the station has this address now, or none
 *   'U'  address, port, payload   a datagram has come
 *   'C'  bytes                    typed on the console
 *   'R'  empty                    power was cut and has returned: boot anew
 *   'T'  µs since the lab's start (8, little-endian)
 *                                 that is the time; the board acts, then says 't'
 *
 *   board → lab, only between a 'T' and its 't'
 *   'u'  address, port, payload   a datagram leaves
 *   'c'  bytes                    printed on the console
 *   'l'  colours (1)              the LED is so from now on, PQ_LED_…
 *   'o'  text                     the screen shows this now: lines joined by \n
 *   'w'  name, 0, passphrase      the station joins this network
 *   'b'  µs (8, little-endian)    the board has been busy for so long since 'T': what
 *                                 follows happens that much later
 *   't'  µs (8, little-endian)    done; call again then at the latest, all ones:
 *                                 only when something happens
 *
 * The first 'T' boots the board. After an 'R', or a reboot of its own, it has no
 * address until the next 'N', and begins with a 'w' where it knows a network. The end
 * of stdin ends it; a message that is none of these does, too, with exit status 2. */
#ifndef PQ_LAB_LINK_H
#define PQ_LAB_LINK_H

#define PQ_LAB_BODY_MAX 4096 /* bytes */

#endif
