# The images for BL602 boards. Included by Makefile.
#
#   make bl602 BL_SDK_BASE=/path/to/bouffalo_sdk
#
# builds ../build/bl602/{sniffer,gateway,sender} with the SDK and shows what each
# takes of the chip's memories. CROSS_COMPILE and BOARD can be given as well.
.PHONY: bl602 bl602-sizes

BL602_BUILD  := ../build/bl602
BL602_IMAGES := ../build/firmware/bl602
BL602_ROLES  := sniffer gateway sender
BOARD        ?= bl602dk

# The SDK's tool that puts length, hash and the radio's calibration into an image,
# and makes the boot loader's and the partition table's files. Where it is missing
# the images are built, and not finished; bl602-sizes says so.
BL602_FINISH = $(wildcard $(BL_SDK_BASE)/tools/bflb_tools/bflb_fw_post_proc/bflb_fw_post_proc-$(if \
                 $(filter Darwin,$(shell uname)),macos,ubuntu))

# The folder that pqiot-flash all takes.
define BL602_COLLECT
@mkdir -p $(BL602_IMAGES)
@for r in $(BL602_ROLES); do cp $(BL602_BUILD)/$$r/build_out/pqiot_$${r}_bl602.bin $(BL602_IMAGES)/$$r.bin || exit 1; done
@cp $(BL602_BUILD)/gateway/build_out/boot2_*.bin $(BL602_IMAGES)/boot2.bin
@cp $(BL602_BUILD)/gateway/build_out/partition*.bin $(BL602_IMAGES)/partition.bin
endef

define BL602_NO_SDK
make bl602 needs the vendor's SDK, which is not part of this project.

  1. git clone https://github.com/bouffalolab/bouffalo_sdk        (2.3 or later)
  2. a compiler: the vendor's (github.com/bouffalolab/toolchain_gcc_t-head_linux),
     or Debian's: apt-get install gcc-riscv64-unknown-elf picolibc-riscv64-unknown-elf cmake
  3. make bl602 BL_SDK_BASE=/path/to/bouffalo_sdk

firmware/README.md has more.
endef

bl602: $(BL602_ROLES:%=bl602-%)
	$(if $(BL602_FINISH),$(BL602_COLLECT))
	@$(MAKE) --no-print-directory bl602-sizes

.PHONY: bl602-sdk $(BL602_ROLES:%=bl602-%)
bl602-sdk:
ifeq ($(BL_SDK_BASE),)
	$(info $(BL602_NO_SDK))
	@echo 'bl602: BL_SDK_BASE is not set' >&2; exit 1
else ifeq ($(filter /%,$(BL_SDK_BASE)),)
	@echo 'bl602: BL_SDK_BASE=$(BL_SDK_BASE): an absolute path is expected' >&2; exit 1
else ifeq ($(wildcard $(BL_SDK_BASE)/cmake/bouffalo_sdk-config.cmake),)
	@echo 'bl602: BL_SDK_BASE=$(BL_SDK_BASE) is no bouffalo_sdk: it has no cmake/bouffalo_sdk-config.cmake' >&2; exit 1
else ifeq ($(wildcard $(BL_SDK_BASE)/components/wireless/wifi4/firmware/lib/libfirmware.a),)
	@echo 'bl602: $(BL_SDK_BASE) has no Wi-Fi library for BL602 (components/wireless/wifi4): is it 2.3 or later?' >&2; exit 1
endif
	@command -v cmake >/dev/null || { echo 'bl602: cmake is missing' >&2; exit 1; }
	@command -v $(or $(CROSS_COMPILE),riscv64-unknown-elf-)gcc >/dev/null || \
		{ echo 'bl602: $(or $(CROSS_COMPILE),riscv64-unknown-elf-)gcc is missing' >&2; exit 1; }

$(BL602_ROLES:%=bl602-%): bl602-%: bl602-sdk
	@mkdir -p $(BL602_BUILD)/$*
	@echo '  SDK     $*'
	@{ BL_SDK_BASE=$(BL_SDK_BASE) cmake -S port/bl602 -B $(BL602_BUILD)/$* -DPQ_ROLE=$* -DBOARD=$(BOARD) \
		$(if $(CROSS_COMPILE),-DCROSS_COMPILE=$(CROSS_COMPILE)) && \
	  BL_SDK_BASE=$(BL_SDK_BASE) cmake --build $(BL602_BUILD)/$* -j $(or $(JOBS),$(shell nproc)) \
	  $(if $(BL602_FINISH),&& BL_SDK_BASE=$(BL_SDK_BASE) cmake --build $(BL602_BUILD)/$* --target combine); } \
		> $(BL602_BUILD)/$*/build.log 2>&1 || \
		{ grep -aE -A6 'CMake Error|error:|ld: |undefined reference' $(BL602_BUILD)/$*/build.log >&2; \
		  echo 'bl602: $* does not build; all of it is in $(BL602_BUILD)/$*/build.log' >&2; exit 1; }

bl602-sizes:
	@go run ./test/bl602/sizes $(BL602_BUILD)
