# make help says what each target does.

STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
VERSION     := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
LDFLAGS     := -ldflags "-s -w -X main.version=$(VERSION)"
BIN         := bin

# Debian packages, by what needs them.
DEPS_BUILD := gcc libc6-dev libmbedtls-dev
DEPS_DEMO  := $(DEPS_BUILD) tshark
DEPS_TEST  := $(DEPS_DEMO) clang libclang-rt-14-dev clang-format clang-tools llvm gcc-riscv64-unknown-elf \
              picolibc-riscv64-unknown-elf qemu-system-misc libcoap3-bin valgrind \
              lua5.2 lua5.3 lua5.4
DEPS_BENCH := $(DEPS_TEST) tcpdump
DEPS_INSTALL := debootstrap

.DEFAULT_GOAL := help
.PHONY: help build test demo bench check firmware generate manual dist install-test portable install clean deps-%

help: ## say what each target does
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

deps-%:
	@.ci/deps $(DEPS_$*)

build: deps-BUILD ## build every binary into ./bin
	@mkdir -p $(BIN)
	CGO_ENABLED=0 go build -trimpath $(LDFLAGS) -o $(BIN)/ ./cmd/pqiot-*
	$(MAKE) -C firmware host

demo: deps-DEMO build ## the main job without a board: the paper's evaluation and an attack, captured and analysed
	@./cmd/pqiot-lab/demo.sh

test: deps-TEST check build ## everything: checks, Go and C tests, the real tshark
	$(MAKE) -C firmware test
	go test -race -timeout 15m ./...

check: deps-TEST ## formatting, vet, staticcheck, generated files, the C core under -Werror
	@test -z "$$(gofmt -l .)" || { echo "gofmt wants:"; gofmt -l .; exit 1; }
	go vet ./...
	go run $(STATICCHECK) ./...
	go run ./wire/gen -check
	$(MAKE) -C firmware check

# A part: make bench BENCHFLAGS='-bench Reader -packages ./decoder -matrix=false -kem=false -o build/bench.json'
bench: deps-BENCH build ## every measurement, beside its goal, its peers and the last commit's; .ci/bench.json
	go run ./cmd/internal/bench $(BENCHFLAGS)

firmware: ## the three images for boards, with the SDK at BL_SDK_BASE: flash and RAM of each
	$(MAKE) -C firmware bl602

generate: ## renew the files written from package wire
	go generate ./...

# The same bytes from the same commit: times are the commit's, paths are cut off. The
# boards ask for no library but glibc, so that they run on other systems too.
MAINTAINER ?= pqiot maintainers <maintainers@pqiot.invalid>
EPOCH      ?= $(shell git log -1 --format=%ct 2>/dev/null || echo 1)
PROGRAMS   := $(BIN)/pqiot-*

manual: build ## man pages and completions into ./build/manual
	@rm -rf build/manual
	go run ./cmd/internal/manual -version "$(VERSION)" -date "$$(date -u -d @$(EPOCH) +%F)" $(PROGRAMS)

# One platform: make dist DISTFLAGS="-only linux-amd64"
dist: manual ## archives for every platform, Debian packages, SHA256SUMS into ./dist
	@rm -rf build/dist/boards
	$(MAKE) -C firmware host BUILD=../build/dist/firmware BIN=../build/dist/boards \
		CC="$(CC) -s -ffile-prefix-map=$(CURDIR)=." MBEDTLS=-l:libmbedcrypto.a
	go run ./cmd/internal/dist -licence "$(wildcard /usr/share/doc/libmbedtls-dev/copyright)" -version "$(VERSION)" -epoch $(EPOCH) -maintainer "$(MAINTAINER)" $(DISTFLAGS)

# Debian releases, so Wireshark 4.0 and 4.4. Roots are kept in ./build/roots.
SUITES ?= bookworm trixie

install-test: deps-INSTALL ## the package of "make dist" in fresh Debian roots: installed, used, removed
	@for suite in $(SUITES); do .ci/install-test $$suite || exit 1; done

# Packages whose tests need no tool but Go, on any system.
PORTABLE := . ./wire/... ./decoder ./analysis/packet ./analysis/detect ./analysis/report ./peer/session ./peer/coap \
            ./peer/oscore ./peer/gateway ./peer/sender ./firmware/flash/... ./cmd/internal/dist

portable: ## what runs on Windows and macOS too: build, vet, tests without tools
	go build ./...
	go vet ./...
	go test -timeout 15m $(PORTABLE)

install: build ## make Wireshark find the capture interface and the dissector
	$(BIN)/pqiot-extcap install

clean: ## remove what the build made
	rm -rf $(BIN) build dist demo
