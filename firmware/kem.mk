# ML-KEM and Keccak: objects, tests, measurements. Included by Makefile, and
# complete in itself: make -f kem.mk kem-test.
#
#   kem-check   format, warnings as errors (gcc, clang, RV32), static analysis
#   kem-test    vectors and random runs on host and RV32, constant time, the gate on
#               counts, short fuzzing
#   kem-bench   the table of instructions, stack and size
#   kem-fuzz    libFuzzer, KEM_FUZZ_RUNS inputs for each target
#
# The Makefile makes check and test depend on the first two. MLKEM_NATIVE_DIR=DIR
# (an absolute path), a checkout of github.com/pq-code-package/mlkem-native, puts
# mlkem-native beside our own code in kem-bench, and through the vectors in kem-test.
.PHONY: kem-check kem-test kem-bench kem-fuzz

KEM_BUILD     := ../build/kem
KEM_CORE      := core
KEM_FUZZ_RUNS ?= 1000000

# pq_kem.c and one backend: what a product links.
KEM_OWN     := pq_keccak pq_mlkem_poly pq_mlkem
KEM_MODULES := pq_kem pq_secret $(KEM_OWN)
KEM_SOURCES := $(KEM_MODULES:%=$(KEM_CORE)/%.c)
KEM_HEADERS := $(wildcard $(KEM_CORE)/*.h)
KEM_DEPS    := $(KEM_HEADERS) kem.mk
KEM_SETS    := 512 768 1024

KEM_WARN    := -std=c11 -Wall -Wextra -Wconversion -Werror -I$(KEM_CORE)
KEM_SAN     := -g -fsanitize=address,undefined -fno-sanitize-recover=all

# --- mlkem-native as the other backend, where the user has a checkout

KEM_NATIVE_SOURCES := $(KEM_CORE)/pq_kem.c $(KEM_CORE)/pq_secret.c port/mlkem_native/pq_kem_native.c
KEM_NATIVE_FLAGS   := -Iport/mlkem_native -I$(MLKEM_NATIVE_DIR)/mlkem
KEM_NATIVE_CONFIG  := -DMLK_CONFIG_FILE='"pq_mlkem_native_config.h"'

ifneq ($(MLKEM_NATIVE_DIR),)
$(if $(wildcard $(MLKEM_NATIVE_DIR)/mlkem/mlkem_native.c),,\
  $(error MLKEM_NATIVE_DIR=$(MLKEM_NATIVE_DIR) is no checkout of mlkem-native: it has no mlkem/mlkem_native.c))
endif

# --- Host: the harness that the tests in Go talk to

$(KEM_BUILD)/host/harness: $(KEM_SOURCES) test/kem/c/harness.c $(KEM_DEPS)
	@mkdir -p $(@D)
	gcc $(KEM_WARN) -O2 $(KEM_SAN) $(KEM_SOURCES) test/kem/c/harness.c -o $@

$(KEM_BUILD)/host/native-%.o: $(MLKEM_NATIVE_DIR)/mlkem/mlkem_native.c port/mlkem_native/pq_mlkem_native_config.h
	@mkdir -p $(@D)
	gcc -O2 $(KEM_SAN) $(KEM_NATIVE_FLAGS) $(KEM_NATIVE_CONFIG) -DMLK_CONFIG_PARAMETER_SET=$* -c $< -o $@

$(KEM_BUILD)/host/harness-native: $(KEM_NATIVE_SOURCES) $(KEM_SETS:%=$(KEM_BUILD)/host/native-%.o) \
                                  $(KEM_CORE)/pq_keccak.c test/kem/c/harness.c $(KEM_DEPS)
	gcc $(KEM_WARN) -O2 $(KEM_SAN) $(KEM_NATIVE_FLAGS) $(filter %.c %.o,$^) -o $@

# --- RV32IMAFC on qemu's virt machine: picolibc, semihosting

# -fno-schedule-insns: see core/pq_keccak.c.
RV32_CC     := riscv64-unknown-elf-gcc
RV32_CFLAGS := --specs=picolibc.specs -march=rv32imafc -mabi=ilp32f -O2 -fno-schedule-insns \
               -ffunction-sections -fdata-sections
RV32_LINK   := --oslib=semihost --crt0=semihost -Wl,--gc-sections \
               -Wl,--defsym=__flash=0x80000000,--defsym=__flash_size=0x100000 \
               -Wl,--defsym=__ram=0x80200000,--defsym=__ram_size=0x100000 \
               -Wl,--defsym=__stack_size=0x20000

$(KEM_BUILD)/rv32/harness.elf: $(KEM_SOURCES) test/kem/c/harness.c $(KEM_DEPS)
	@mkdir -p $(@D)
	$(RV32_CC) $(RV32_CFLAGS) $(RV32_LINK) $(KEM_WARN) $(KEM_SOURCES) test/kem/c/harness.c -o $@

$(KEM_BUILD)/rv32/memset.o: port/rv32/memset.c kem.mk
	@mkdir -p $(@D)
	$(RV32_CC) $(RV32_CFLAGS) $(KEM_WARN) -fno-tree-loop-distribute-patterns -c $< -o $@

# One parameter set each, as a product has it.
define kem_rv32_set
$(KEM_BUILD)/rv32/$(1)/%.o: $(KEM_CORE)/%.c $(KEM_DEPS)
	@mkdir -p $$(@D)
	$(RV32_CC) $(RV32_CFLAGS) $(KEM_WARN) -DPQ_KEM_ONLY=$(1) -c $$< -o $$@

$(KEM_BUILD)/rv32/$(1)/kem_bench.o: port/rv32/kem_bench.c $(KEM_DEPS)
	@mkdir -p $$(@D)
	$(RV32_CC) $(RV32_CFLAGS) $(KEM_WARN) -DPQ_KEM_ONLY=$(1) -c $$< -o $$@

$(KEM_BUILD)/rv32/$(1)/bench.elf: $(KEM_MODULES:%=$(KEM_BUILD)/rv32/$(1)/%.o) $(KEM_BUILD)/rv32/$(1)/kem_bench.o \
                                 $(KEM_BUILD)/rv32/memset.o
	$(RV32_CC) $(RV32_CFLAGS) $(RV32_LINK) $$^ -o $$@

# mlkem-native with the options it is fastest with on this core.
$(KEM_BUILD)/rv32/$(1)/mlkem_native.o: $(MLKEM_NATIVE_DIR)/mlkem/mlkem_native.c port/mlkem_native/pq_mlkem_native_config.h kem.mk
	@mkdir -p $$(@D)
	$(RV32_CC) $(RV32_CFLAGS) -O3 $(KEM_NATIVE_FLAGS) $(KEM_NATIVE_CONFIG) -DMLK_CONFIG_PARAMETER_SET=$(1) -c $$< -o $$@

$(KEM_BUILD)/rv32/$(1)/bench-native.elf: $(KEM_NATIVE_SOURCES) port/rv32/kem_bench.c $(KEM_BUILD)/rv32/$(1)/mlkem_native.o \
                                        $(KEM_BUILD)/rv32/memset.o $(KEM_DEPS)
	$(RV32_CC) $(RV32_CFLAGS) $(RV32_LINK) $(KEM_WARN) $(KEM_NATIVE_FLAGS) -DPQ_KEM_ONLY=$(1) -DPQ_KEM_NATIVE $$(filter %.c %.o,$$^) -o $$@
endef
$(foreach set,$(KEM_SETS),$(eval $(call kem_rv32_set,$(set))))

# Every figure, one a line: SET NAME INSTRUCTIONS STACK; "code" has bytes of text
# and constants instead, "spread" the least and the most of pq_kem_decaps.
KEM_QEMU := qemu-system-riscv32 -M virt -cpu rv32 -bios none -nographic -monitor none -serial none \
            -semihosting-config enable=on,target=native -icount shift=0
# $(call kem_figures,elf,objects): of one set each
kem_figures = for set in $(KEM_SETS); do dir=$(KEM_BUILD)/rv32/$$set; \
  timeout 300 $(KEM_QEMU) -kernel $$dir/$(1) 2>&1 </dev/null | sed "s/^/$$set /" && \
  (cd $$dir && riscv64-unknown-elf-size -t $(2)) | awk -v set=$$set 'END { print set, "code", $$1, 0 }' || exit 1; \
  done > $@.tmp && ! grep FAIL $@.tmp >&2 && mv $@.tmp $@

$(KEM_BUILD)/figures: $(KEM_SETS:%=$(KEM_BUILD)/rv32/%/bench.elf)
	@$(call kem_figures,bench.elf,$(KEM_MODULES:%=%.o))

$(KEM_BUILD)/figures-native: $(KEM_SETS:%=$(KEM_BUILD)/rv32/%/bench-native.elf)
	@$(call kem_figures,bench-native.elf,mlkem_native.o)

kem-bench: $(KEM_BUILD)/figures $(if $(MLKEM_NATIVE_DIR),$(KEM_BUILD)/figures-native)
	@awk -f port/rv32/table.awk $^

# The gate's figures are renewed on purpose only.
.PHONY: kem-counts
kem-counts: $(KEM_BUILD)/figures
	cp $< port/rv32/counts.txt

# --- Tests, checks, fuzzing

# The same flags as the Makefile above, so that go test runs each test once.
kem-test: kem-fuzz-short
	cd .. && go test -race -timeout 15m ./firmware/test/kem/

KEM_FUZZ_C := test/kem/c/fuzz.c
$(KEM_BUILD)/fuzz: $(KEM_SOURCES) $(KEM_FUZZ_C) $(KEM_DEPS)
	@mkdir -p $(@D)
	clang $(KEM_WARN) -O1 $(KEM_SAN) -fsanitize=fuzzer -DPQ_KEM_ONLY=512 $(KEM_SOURCES) $(KEM_FUZZ_C) -o $@

# $(1): runs
kem_fuzz = mkdir -p $(KEM_BUILD)/corpus && \
  { $(KEM_BUILD)/fuzz -runs=$(1) -max_len=2500 -print_final_stats=1 -artifact_prefix=$(KEM_BUILD)/ \
    $(KEM_BUILD)/corpus 2>$(KEM_BUILD)/fuzz-$(1).log || { tail -40 $(KEM_BUILD)/fuzz-$(1).log; exit 1; }; } && \
  sed -n 's/^stat::number_of_executed_units: */kem fuzz: inputs /p' $(KEM_BUILD)/fuzz-$(1).log

.PHONY: kem-fuzz-short
kem-fuzz: $(KEM_BUILD)/fuzz
	@$(call kem_fuzz,$(KEM_FUZZ_RUNS))
kem-fuzz-short: $(KEM_BUILD)/fuzz
	@$(call kem_fuzz,10000)

KEM_CHECKED   := $(KEM_SOURCES) $(wildcard test/kem/c/*.c)
KEM_FORMATTED := $(KEM_CHECKED) $(KEM_MODULES:%=$(KEM_CORE)/%.h) \
                 $(wildcard port/rv32/*.c port/mlkem_native/*.[ch])

kem-check: $(KEM_SETS:%=$(KEM_BUILD)/rv32/%/bench.elf)
	@clang-format --dry-run -Werror $(wildcard $(KEM_FORMATTED))
	@for f in $(KEM_CHECKED); do \
	  gcc $(KEM_WARN) -O2 -fsyntax-only $$f && \
	  clang $(KEM_WARN) -O2 -fsyntax-only $$f && \
	  clang --analyze -Xclang -analyzer-werror -std=c11 -I$(KEM_CORE) -o /dev/null $$f || exit 1; done
