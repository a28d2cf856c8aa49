# ML-KEM and Keccak: objects, tests, measurements. Included by Makefile, and
# complete in itself: make -f kem.mk kem-test.
#
#   kem-check   warnings as errors (gcc, clang), static analysis, format
#   kem-test    vectors and random runs on the host and on RV32, constant time, gate
#   kem-bench   the table of instructions, stack and size; MLKEM_NATIVE_DIR=DIR
#               puts mlkem-native beside it
#   kem-fuzz    libFuzzer, KEM_FUZZ_RUNS inputs (1000000)
.PHONY: kem-check kem-test kem-bench kem-fuzz

KEM_BUILD   := ../build/kem
KEM_MODULES := pq_keccak pq_mlkem_poly pq_mlkem pq_secret
KEM_SOURCES := $(KEM_MODULES:%=core/%.c)
KEM_HEADERS := $(wildcard core/*.h)
KEM_HARNESS := test/kem/c/harness.c
KEM_C       := $(KEM_SOURCES) $(wildcard test/kem/c/*.c port/rv32/*.c)
KEM_WARN    := -std=c11 -Wall -Wextra -Wconversion -Werror

# The host build that the tests talk to.
$(KEM_BUILD)/host/harness: $(KEM_SOURCES) $(KEM_HARNESS) $(KEM_HEADERS) kem.mk
	@mkdir -p $(@D)
	gcc $(KEM_WARN) -O2 -g -fsanitize=address,undefined -fno-sanitize-recover=all -Icore \
		$(KEM_SOURCES) $(KEM_HARNESS) -o $@

# RV32IMAFC on qemu's virt machine: picolibc, semihosting. -fno-schedule-insns:
# see core/pq_keccak.c.
RV32_CC     := riscv64-unknown-elf-gcc
RV32_CFLAGS := --specs=picolibc.specs -march=rv32imafc -mabi=ilp32f -O2 -fno-schedule-insns \
               -ffunction-sections -fdata-sections
RV32_LINK   := --oslib=semihost --crt0=semihost -Wl,--gc-sections \
               -Wl,--defsym=__flash=0x80000000,--defsym=__flash_size=0x100000 \
               -Wl,--defsym=__ram=0x80200000,--defsym=__ram_size=0x100000 \
               -Wl,--defsym=__stack_size=0x20000

$(KEM_BUILD)/rv32/harness.elf: $(KEM_SOURCES) $(KEM_HARNESS) $(KEM_HEADERS) kem.mk
	@mkdir -p $(@D)
	$(RV32_CC) $(RV32_CFLAGS) $(RV32_LINK) $(KEM_WARN) -Icore $(KEM_SOURCES) $(KEM_HARNESS) -o $@
