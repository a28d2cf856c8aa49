#include "check.h"
#include "uart_rate.h"

/* 160 MHz / baud, rounded; 4,923,000 would come out 1.51 % off, 4,780,000 1.43 %. */
int main(void)
{
    static const struct {
        uint32_t baud, divisor;
    } cases[] = {
        {0, 0},        {9599, 0},     {9600, 16667},   {115200, 1389}, {921600, 174},
        {2000000, 80}, {3000000, 53}, {5000000, 32},   {5000001, 0},   {4800000, 33},
        {4700000, 34}, {4923000, 0},  {UINT32_MAX, 0}, {4850000, 33},  {4780000, 33},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint32_t d = pq_uart_divisor(cases[i].baud);
        if (d != cases[i].divisor)
            fprintf(stderr, "%u baud:\n", (unsigned)cases[i].baud);
        CHECK_EQ(d, cases[i].divisor);
    }
    return check_done("bl602_uart_rate");
}
