#define _GNU_SOURCE
#include "pty.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

static int open_slave(const char *path)
{
    return open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
}

/* Makes the slave raw; once it was open and closed, the master hangs up. */
static bool make_raw(const char *path)
{
    struct termios t;
    int fd = open_slave(path);
    if (fd < 0)
        return false;
    bool ok = tcgetattr(fd, &t) == 0;
    cfmakeraw(&t);
    cfsetspeed(&t, B2000000);
    ok = ok && tcsetattr(fd, TCSANOW, &t) == 0;
    close(fd);
    return ok;
}

int pq_pty_open(char *path, size_t size)
{
    int fd = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return -1;
    if (grantpt(fd) == 0 && unlockpt(fd) == 0 && ptsname_r(fd, path, size) == 0 && make_raw(path))
        return fd;
    int err = errno;
    close(fd);
    errno = err;
    return -1;
}

bool pq_pty_attached(int master)
{
    struct pollfd p = {.fd = master};
    return poll(&p, 1, 0) == 0 || !(p.revents & POLLHUP);
}

void pq_pty_forget(const char *path)
{
    int fd = open_slave(path);
    if (fd < 0)
        return;
    tcflush(fd, TCIFLUSH);
    close(fd);
}

size_t pq_pty_unread(const char *path)
{
    int n = 0, fd = open_slave(path);
    if (fd < 0)
        return 0;
    if (ioctl(fd, FIONREAD, &n) != 0)
        n = 0;
    close(fd);
    return (size_t)n;
}

uint32_t pq_pty_baud(int master)
{
    static const struct {
        speed_t speed;
        uint32_t baud;
    } names[] = {{B9600, 9600},     {B19200, 19200},     {B38400, 38400},     {B57600, 57600},
                 {B115200, 115200}, {B230400, 230400},   {B460800, 460800},   {B500000, 500000},
                 {B921600, 921600}, {B1000000, 1000000}, {B1500000, 1500000}, {B2000000, 2000000}};
    struct termios t;
    if (tcgetattr(master, &t) != 0)
        return 0;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (names[i].speed == cfgetospeed(&t))
            return names[i].baud;
    return 0;
}
