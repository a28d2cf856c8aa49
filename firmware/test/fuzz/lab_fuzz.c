/* Any bytes from the lab: the board takes them or says what is wrong, its clock never
 * runs backwards, and what it receives and reads stays within bounds. */
#define _GNU_SOURCE
#include "fuzz.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lab.h"

static void once(void)
{
    static int file = -1;
    if (file >= 0)
        return;
    file = memfd_create("lab", MFD_CLOEXEC);
    int null = open("/dev/null", O_WRONLY);
    MUST(file >= 0 && null >= 0);
    MUST(dup2(file, STDIN_FILENO) == STDIN_FILENO && dup2(null, STDOUT_FILENO) == STDOUT_FILENO);
}

static void act(void)
{
    uint8_t b[100];
    pq_endpoint e;
    int n;
    size_t typed;
    while ((n = pq_lab_receive(&e, b, sizeof b)) != PQ_ERR_BUSY) {
        MUST(n == PQ_ERR_LENGTH || (n >= 0 && n <= (int)sizeof b));
        MUST(e.addr_len == 4);
        (void)pq_lab_send(&e, b, n >= 0 ? (size_t)n : sizeof b);
    }
    while ((typed = pq_lab_typed(b, sizeof b)) > 0)
        pq_lab_print(b, typed);
    MUST(pq_lab_address(&e) == (e.addr_len == 4));
    pq_lab_led(1);
    pq_lab_join("net", "passphrase");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    once();
    MUST(ftruncate(STDIN_FILENO, 0) == 0 && pwrite(STDIN_FILENO, data, size, 0) == (ssize_t)size);
    MUST(lseek(STDIN_FILENO, 0, SEEK_SET) == 0);
    if (pq_lab_start() != PQ_OK)
        return 0;
    pq_lab_boot();
    uint64_t before = 0;
    for (pq_lab_event e = PQ_LAB_GO_ON; e == PQ_LAB_GO_ON || e == PQ_LAB_BOOT;) {
        if (e == PQ_LAB_BOOT) {
            pq_lab_boot();
            before = 0;
        }
        MUST(pq_lab_time_us() >= before);
        before = pq_lab_time_us();
        act();
        pq_lab_spend(7);
        e = pq_lab_wait(1000);
    }
    return 0;
}
