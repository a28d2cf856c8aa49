# The session on the RV32 emulator, and the sender's tests. Included by Makefile,
# and complete in itself: make -f session.mk session-bench.
#
#   session-check  format, warnings as errors on RV32
#   session-test   vector A and the crypto's known answers on RV32
#   session-bench  the table of instructions, stack and size
#
# mbedTLS for RV32 comes from the distribution's source package, once
# (port/rv32/mbedtls.sh), or from a tree of the user's: MBEDTLS_DIR=DIR, an
# absolute path.
.PHONY: session-check session-test session-bench

ifndef KEM_BUILD
include kem.mk
endif

SESSION_BUILD := ../build/firmware/session
RV32_MBEDTLS  := $(if $(MBEDTLS_DIR),$(MBEDTLS_DIR),../build/firmware/rv32-mbedtls/tree)

ifneq ($(MBEDTLS_DIR),)
$(if $(wildcard $(MBEDTLS_DIR)/library/ccm.c),,\
  $(error MBEDTLS_DIR=$(MBEDTLS_DIR) is no source tree of mbedTLS: it has no library/ccm.c))
endif

$(RV32_MBEDTLS)/library/ccm.c: | port/rv32/mbedtls.sh
	@port/rv32/mbedtls.sh $(RV32_MBEDTLS)

# Whatever of these the tree has: 3.x has cut some anew.
MBEDTLS_MODULES := aes block_cipher ccm cipher cipher_wrap constant_time md platform_util sha256
MBEDTLS_LIB     := $(SESSION_BUILD)/rv32/libmbedcrypto.a
MBEDTLS_FLAGS   := -I$(RV32_MBEDTLS)/include -Iport/rv32 -DMBEDTLS_CONFIG_FILE='"mbedtls_config.h"'

$(MBEDTLS_LIB): $(RV32_MBEDTLS)/library/ccm.c port/rv32/mbedtls_config.h session.mk
	@mkdir -p $(@D)/mbedtls
	@rm -f $@
	@for m in $(MBEDTLS_MODULES); do \
	  [ -f $(RV32_MBEDTLS)/library/$$m.c ] || continue; \
	  echo "  rv32	mbedtls/$$m.c"; \
	  $(RV32_CC) $(RV32_CFLAGS) -std=c11 $(MBEDTLS_FLAGS) -I$(RV32_MBEDTLS)/library \
	    -c $(RV32_MBEDTLS)/library/$$m.c -o $(@D)/mbedtls/$$m.o || exit 1; \
	done
	@riscv64-unknown-elf-ar rcs $@ $(@D)/mbedtls/*.o
