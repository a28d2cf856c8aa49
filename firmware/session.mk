# The session on the RV32 emulator, and the sender's tests. Included by Makefile,
# and complete in itself: make -f session.mk session-bench.
#
#   session-check  format, warnings as errors, static analysis
#   session-test   the sender's tests, on this computer under ASan and UBSan; vector A,
#                  CoAP and the sender on RV32; the gate on counts; short fuzzing
#   session-bench  the table of instructions, stack and size
#   session-fuzz   libFuzzer, SESSION_FUZZ_RUNS inputs
#
# mbedTLS for RV32 comes from the distribution's source package, once
# (port/rv32/mbedtls.sh), or from a tree of the user's: MBEDTLS_DIR=DIR, an
# absolute path.
.PHONY: session-check session-test session-bench session-fuzz session-fuzz-short

ifndef KEM_BUILD
include kem.mk
endif

SESSION_BUILD     := ../build/session
SESSION_FUZZ_RUNS ?= 1000000

SESSION_INC     := -Icore -Iport -I$(SESSION_BUILD)
SESSION_WARN    := -std=c11 -Wall -Wextra -Wconversion -Werror $(SESSION_INC)
SESSION_SAN     := -O1 -g -fno-omit-frame-pointer -fno-sanitize-recover=all -fsanitize=address,undefined
SESSION_CRYPTO  := port/mbedtls/pq_crypto_mbedtls.c
SENDER_SOURCES  := $(wildcard core/pq_sender*.c)
GATEWAY_SOURCES := $(wildcard core/pq_gateway*.c)
SESSION_SOURCES := core/pq_coap.c core/pq_session.c $(SESSION_CRYPTO) $(KEM_SOURCES)
SESSION_DEPS    := $(wildcard core/*.h port/*.h test/sender/c/*.h test/unit/check.h test/unit/program.h) session.mk

# --- This computer

$(SESSION_BUILD)/session_vectors.inc: ../wire/testdata/vectors/session-v1.json test/genvectors/main.go
	@mkdir -p $(@D)
	@go run ./test/genvectors session < $< > $@.tmp
	@mv $@.tmp $@

.SECONDARY:
$(SESSION_BUILD)/asan/%.o: %.c $(SESSION_DEPS)
	@mkdir -p $(@D)
	@echo '  asan	$<'
	@clang $(SESSION_WARN) $(SESSION_SAN) -c $< -o $@

SENDER_ASAN := $(patsubst %.c,$(SESSION_BUILD)/asan/%.o,$(SENDER_SOURCES) $(SESSION_SOURCES))

$(SESSION_BUILD)/%_test: $(SESSION_BUILD)/asan/test/sender/c/%_test.o $(SESSION_BUILD)/asan/test/sender/c/world.o $(SENDER_ASAN)
	@clang $(SESSION_SAN) $^ -o $@ -lmbedcrypto

# The sender on a socket, for the tests in Go.
$(SESSION_BUILD)/process: $(SESSION_BUILD)/asan/test/sender/c/process.o $(SENDER_ASAN)
	@clang $(SESSION_SAN) $^ -o $@ -lmbedcrypto

# The gateway likewise, here too so that no other make is at the same files.
$(SESSION_BUILD)/gateway: $(SESSION_BUILD)/asan/test/gateway/c/gateway.o \
  $(patsubst %.c,$(SESSION_BUILD)/asan/%.o,$(GATEWAY_SOURCES) $(SESSION_SOURCES))
	@clang $(SESSION_SAN) $^ -o $@ -lmbedcrypto

# --- Fuzzing. ML-KEM is fuzzed by kem.mk and only slows this down.

SENDER_FUZZ := $(patsubst %.c,$(SESSION_BUILD)/fuzz/%.o,test/sender/c/sender_fuzz.c test/sender/c/world.c \
                 $(SENDER_SOURCES) core/pq_coap.c core/pq_session.c $(SESSION_CRYPTO))

$(SESSION_BUILD)/fuzz/%.o: %.c $(SESSION_DEPS) test/fuzz/fuzz.h
	@mkdir -p $(@D)
	@echo '  fuzz	$<'
	@clang $(SESSION_WARN) $(SESSION_SAN) -DPQ_KEM_ONLY=512 -fsanitize=fuzzer-no-link -c $< -o $@

$(SESSION_BUILD)/fuzz/core/fast.o: $(KEM_SOURCES) $(SESSION_DEPS)
	@mkdir -p $(@D)/fast
	@for f in $(KEM_SOURCES); do \
	  clang $(SESSION_WARN) -O3 -DPQ_KEM_ONLY=512 -c $$f -o $(@D)/fast/$$(basename $$f .c).o || exit 1; done
	@$(LD) -r $(@D)/fast/*.o -o $@

$(SESSION_BUILD)/sender_fuzz: $(SENDER_FUZZ) $(SESSION_BUILD)/fuzz/core/fast.o
	@clang $(SESSION_SAN) -fsanitize=fuzzer $^ -o $@ -lmbedcrypto

# $(1): runs
session_fuzz = mkdir -p $(SESSION_BUILD)/corpus && \
  { $(SESSION_BUILD)/sender_fuzz -runs=$(1) -max_len=1024 -print_final_stats=1 -artifact_prefix=$(SESSION_BUILD)/ \
    $(SESSION_BUILD)/corpus 2>$(SESSION_BUILD)/fuzz-$(1).log || { tail -40 $(SESSION_BUILD)/fuzz-$(1).log; exit 1; }; } && \
  sed -n 's/^stat::number_of_executed_units: */sender fuzz: inputs /p' $(SESSION_BUILD)/fuzz-$(1).log

session-fuzz: $(SESSION_BUILD)/sender_fuzz
	@$(call session_fuzz,$(SESSION_FUZZ_RUNS))
session-fuzz-short: $(SESSION_BUILD)/sender_fuzz
	@$(call session_fuzz,5000)

# --- mbedTLS for RV32

RV32_MBEDTLS := $(if $(MBEDTLS_DIR),$(MBEDTLS_DIR),$(SESSION_BUILD)/mbedtls)

ifneq ($(MBEDTLS_DIR),)
$(if $(wildcard $(MBEDTLS_DIR)/library/ccm.c),,\
  $(error MBEDTLS_DIR=$(MBEDTLS_DIR) is no source tree of mbedTLS: it has no library/ccm.c))
endif

$(RV32_MBEDTLS)/library/ccm.c: | port/rv32/mbedtls.sh
	@port/rv32/mbedtls.sh $(RV32_MBEDTLS)

# Whatever of these the tree has: 3.x has cut some anew.
MBEDTLS_MODULES := aes block_cipher ccm cipher cipher_wrap constant_time md platform_util sha256
MBEDTLS_LIB     := $(SESSION_BUILD)/rv32/libmbedcrypto.a
MBEDTLS_FLAGS   := -I$(RV32_MBEDTLS)/include -Iport/rv32 -DMBEDTLS_CONFIG_FILE='"pq_mbedtls_config.h"'

$(MBEDTLS_LIB): $(RV32_MBEDTLS)/library/ccm.c port/rv32/pq_mbedtls_config.h session.mk
	@rm -rf $@ $(@D)/mbedtls
	@mkdir -p $(@D)/mbedtls
	@for m in $(MBEDTLS_MODULES); do \
	  [ -f $(RV32_MBEDTLS)/library/$$m.c ] || continue; \
	  echo "  rv32	mbedtls/$$m.c"; \
	  $(RV32_CC) $(RV32_CFLAGS) -std=c11 $(MBEDTLS_FLAGS) -I$(RV32_MBEDTLS)/library \
	    -c $(RV32_MBEDTLS)/library/$$m.c -o $(@D)/mbedtls/$$m.o || exit 1; \
	done
	@riscv64-unknown-elf-ar rcs $@ $(@D)/mbedtls/*.o

# --- RV32: the unit tests as they stand, and the measurements

# $(1) folder, $(2) flags
define session_rv32
$(SESSION_BUILD)/$(1)/%.o: %.c $(SESSION_DEPS) $(MBEDTLS_LIB)
	@mkdir -p $$(@D)
	@echo '  $(1)	$$<'
	@$(RV32_CC) $(RV32_CFLAGS) $(SESSION_WARN) $(MBEDTLS_FLAGS) $(2) -c $$< -o $$@
endef
$(eval $(call session_rv32,rv32,))
$(eval $(call session_rv32,rv32-512,-DPQ_KEM_ONLY=512))

# The sender's log of packets wants more memory than a board has.
SESSION_LINK := $(RV32_LINK) -Wl,--defsym=__ram_size=0x1000000

RV32_OBJS := $(patsubst %.c,$(SESSION_BUILD)/rv32/%.o,core/pq_coap.c $(SENDER_SOURCES) $(SESSION_CRYPTO) $(KEM_SOURCES))

$(SESSION_BUILD)/rv32/test/unit/session_test.o: $(SESSION_BUILD)/session_vectors.inc

# session_test.c has core/pq_session.c in it.
$(SESSION_BUILD)/rv32/unit/session_test.elf: $(SESSION_BUILD)/rv32/test/unit/session_test.o $(RV32_OBJS)
$(SESSION_BUILD)/rv32/unit/coap_test.elf: $(SESSION_BUILD)/rv32/test/unit/coap_test.o $(RV32_OBJS)
$(SESSION_BUILD)/rv32/sender/sender_attack_test.elf: $(SESSION_BUILD)/rv32/test/sender/c/sender_attack_test.o \
  $(SESSION_BUILD)/rv32/test/sender/c/world.o $(SESSION_BUILD)/rv32/core/pq_session.o $(RV32_OBJS)
$(SESSION_BUILD)/rv32/crypto.elf: $(SESSION_BUILD)/rv32/test/crypto/c/harness.o $(SESSION_BUILD)/rv32/port/mbedtls/pq_crypto_mbedtls.o \
  $(SESSION_BUILD)/rv32/core/pq_secret.o
$(SESSION_BUILD)/rv32/%.elf:
	@mkdir -p $(@D)
	@$(RV32_CC) $(RV32_CFLAGS) $(SESSION_LINK) $^ $(MBEDTLS_LIB) -o $@

# For ML-KEM-512 alone, as a product has it.
rv32_512     = $(patsubst %.c,$(SESSION_BUILD)/rv32-512/%.o,$(1))

$(SESSION_BUILD)/rv32-512/bench.elf: $(call rv32_512,port/rv32/session_bench.c $(SENDER_SOURCES) $(GATEWAY_SOURCES) $(SESSION_SOURCES)) \
                                    $(SESSION_BUILD)/rv32-512/memset.o
	@$(RV32_CC) $(RV32_CFLAGS) $(SESSION_LINK) $^ $(MBEDTLS_LIB) -o $@

$(SESSION_BUILD)/rv32-512/memset.o: port/rv32/memset.c session.mk
	@mkdir -p $(@D)
	@$(RV32_CC) $(RV32_CFLAGS) $(KEM_WARN) -fno-tree-loop-distribute-patterns -c $< -o $@

# Every figure, one a line: NAME INSTRUCTIONS STACK; for "code-…" bytes of text and
# constants, and of static memory.
session_size = riscv64-unknown-elf-size -t $(2) | awk 'END { print "code-$(1)", $$1, $$2 + $$3 }'

$(SESSION_BUILD)/figures: $(SESSION_BUILD)/rv32-512/bench.elf
	@timeout 300 $(KEM_QEMU) -kernel $< >$@.tmp 2>&1 </dev/null
	@! grep FAIL $@.tmp >&2
	@{ $(call session_size,sender,$(call rv32_512,$(SENDER_SOURCES))) && \
	  $(call session_size,gateway,$(call rv32_512,$(GATEWAY_SOURCES))) && \
	  $(call session_size,session-coap,$(call rv32_512,core/pq_coap.c core/pq_session.c)) && \
	  $(call session_size,mbedtls,$(call rv32_512,$(SESSION_CRYPTO)) $(MBEDTLS_LIB)); } >>$@.tmp
	@mv $@.tmp $@

session-bench: $(SESSION_BUILD)/figures
	@awk -f port/rv32/session_table.awk $<

# The gate's figures are renewed on purpose only.
.PHONY: session-counts
session-counts: $(SESSION_BUILD)/figures
	cp $< port/rv32/session_counts.txt

# --- Tests and checks

session-test: $(SESSION_BUILD)/sender_test $(SESSION_BUILD)/sender_attack_test session-fuzz-short
	@$(SESSION_BUILD)/sender_test
	@$(SESSION_BUILD)/sender_attack_test
	cd .. && go test -race -timeout 15m ./firmware/test/sender/

SESSION_CHECKED := $(SENDER_SOURCES) $(wildcard test/sender/c/*.c)
session-check:
	@clang-format --dry-run -Werror $(SESSION_CHECKED) $(wildcard test/sender/c/*.h) port/rv32/pq_mbedtls_config.h
	@for f in $(SESSION_CHECKED); do \
	  gcc $(SESSION_WARN) -O2 -fsyntax-only $$f && \
	  clang $(SESSION_WARN) -O2 -fsyntax-only $$f && \
	  clang --analyze -Xclang -analyzer-werror -std=c11 $(SESSION_INC) -o /dev/null $$f || exit 1; done
