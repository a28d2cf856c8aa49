#define _GNU_SOURCE
#include "flash_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "options.h"

static struct {
    int fd; /* -1: memory alone */
    uint8_t mem[PQ_FLASH_SIZE];
} f = {.fd = -1};

/* Writes a part of mem through. */
static int store(uint32_t offset, size_t n)
{
    if (f.fd < 0)
        return PQ_OK;
    bool ok = pwrite(f.fd, f.mem + offset, n, (off_t)offset) == (ssize_t)n && fdatasync(f.fd) == 0;
    return ok ? PQ_OK : PQ_ERR_FLASH;
}

static int fail(const char *path, const char *why)
{
    pq_sim_say("--flash %s: %s", path, why);
    return PQ_ERR_FLASH;
}

int pq_flash_file_open(const char *path)
{
    struct stat st;
    memset(f.mem, 0xff, sizeof f.mem);
    if (path == NULL)
        return PQ_OK;
    f.fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (f.fd < 0 || fstat(f.fd, &st) != 0)
        return fail(path, strerror(errno));
    if (flock(f.fd, LOCK_EX | LOCK_NB) != 0)
        return fail(path, errno == EWOULDBLOCK ? "another board uses it" : strerror(errno));
    if (st.st_size == 0)
        return store(0, sizeof f.mem) == PQ_OK ? PQ_OK : fail(path, strerror(errno));
    if (st.st_size != PQ_FLASH_SIZE)
        return fail(path, "no flash of a board: it does not have 8192 bytes");
    if (pread(f.fd, f.mem, sizeof f.mem, 0) != (ssize_t)sizeof f.mem)
        return fail(path, strerror(errno));
    return PQ_OK;
}

static bool outside(uint32_t offset, size_t n)
{
    return offset > PQ_FLASH_SIZE || n > PQ_FLASH_SIZE - offset;
}

int pq_port_flash_read(uint32_t offset, uint8_t *p, size_t n)
{
    if (outside(offset, n))
        return PQ_ERR_ARG;
    memcpy(p, f.mem + offset, n);
    return PQ_OK;
}

int pq_port_flash_write(uint32_t offset, const uint8_t *p, size_t n)
{
    if (outside(offset, n))
        return PQ_ERR_ARG;
    for (size_t i = 0; i < n; i++)
        f.mem[offset + i] &= p[i];
    return store(offset, n);
}

int pq_port_flash_erase(uint32_t offset)
{
    if (outside(offset, PQ_FLASH_SECTOR) || offset % PQ_FLASH_SECTOR != 0)
        return PQ_ERR_ARG;
    memset(f.mem + offset, 0xff, PQ_FLASH_SECTOR);
    return store(offset, PQ_FLASH_SECTOR);
}
