# Candid. `make` lists what there is.

BUILD_PACKAGES = gcc g++ clang-14 pkg-config ca-certificates \
  libvpx-dev libopus-dev libopusfile-dev libyuv-dev libavcodec-dev libavutil-dev libwebrtc-audio-processing-dev \
  libx11-dev libxext-dev libgl1-mesa-dev libegl1-mesa-dev xorg-dev libwayland-dev libxkbcommon-dev
DEMO_PACKAGES  = xvfb libgl1-mesa-dri
E2E_PACKAGES   = openbox xdotool xclip
TEST_PACKAGES  = pulseaudio pulseaudio-utils espeak-ng ffmpeg
BROWSER_PACKAGES = chromium
LAB_PACKAGES   = iproute2 nftables conntrack procps

# clang compiles the OpenGL binding in half a minute, gcc 12 in five.
ifeq ($(origin CC),default)
  export CC = $(firstword $(foreach c,clang-14 clang gcc,$(shell command -v $(c))))
endif
ifeq ($(origin CXX),default)
  export CXX = $(firstword $(foreach c,clang++-14 clang++ g++,$(shell command -v $(c))))
endif

SUDO    = $(if $(filter 0,$(shell id -u)),,sudo)
VERSION = $(shell sed -n 's/^ *Version *= *"\(.*\)"/\1/p' FyneApp.toml)
LDFLAGS = -s -w -X candid/app.version=$(VERSION)
TAGS    = migrated_fynedo
OUT    ?= demo-out
FUZZTIME ?= 20s
SOAK ?= 30m
RUNS ?= 5

.PHONY: help run build host test row race lint demo e2e browser lab soak shots bench fuzz package clean deps deps-demo deps-e2e deps-browser deps-test deps-lab

help:
	@echo "make run      install what is missing, build, open Candid (without a display: the demo)"
	@echo "make test     install what is missing, run all tests that need no more than this machine"
	@echo "make row      the tests of a row of the reliability programme: make row N=17"
	@echo "make build    build ./candid"
	@echo "make host     build ./candid-host: the room server alone, for a machine without display or sound"
	@echo "make demo     two real app processes call each other in a virtual display; report in $(OUT)/"
	@echo "make e2e      drive the real window in a virtual display, as a user would"
	@echo "make browser  a browser publishes into a room by WHIP, another watches it by WHEP"
	@echo "make lab      calls across networks made of namespaces (needs root)"
	@echo "make matrix   of these the calls between all pairings of seven kinds of networks, RUNS=$(RUNS) times"
	@echo "make soak     a day of virtual time, and SOAK=$(SOAK) of a real call with 1,000 joins and leaves, and 100 joins, leaves, crashes and forced paths"
	@echo "make shots    draw the screenshots of the README"
	@echo "make bench    measure; one figure a line"
	@echo "make fuzz     every fuzz target for FUZZTIME=$(FUZZTIME)"
	@echo "make race     the tests under the race detector"
	@echo "make lint     gofmt, vet, staticcheck"
	@echo "make package  a package for this system"

# $(call install,packages): says what it installs, and nothing when all is there.
define install
@missing=$$(for p in $(1); do dpkg-query -W -f='$${db:Status-Status}' $$p 2>/dev/null | grep -qx installed || echo $$p; done); \
if [ -n "$$missing" ]; then \
  if ! command -v apt-get >/dev/null; then echo "Please install, by your system's means: $$(echo $$missing)"; \
  else echo "Installing: $$(echo $$missing)"; \
    $(SUDO) apt-get update -qq && $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing >/dev/null; fi; fi
endef

deps:      ; $(call install,$(BUILD_PACKAGES))
deps-demo: deps ; $(call install,$(DEMO_PACKAGES))
deps-e2e:  deps-demo ; $(call install,$(E2E_PACKAGES))
deps-browser: deps ; $(call install,$(BROWSER_PACKAGES))
deps-test: deps-demo ; $(call install,$(TEST_PACKAGES))
deps-lab:  deps-test ; $(call install,$(LAB_PACKAGES))

build: deps
	go build -tags $(TAGS) -ldflags '$(LDFLAGS)' -o candid .

host:
	CGO_ENABLED=0 go build -tags headless -ldflags '$(LDFLAGS)' -o candid-host .

run: build
	@if [ -n "$$DISPLAY$$WAYLAND_DISPLAY" ]; then ./candid; \
	else echo "There is no display here, so this is the demo: Candid, twice, calling itself."; \
	  $(MAKE) --no-print-directory demo; fi

demo: build deps-demo
	./candid demo --out $(OUT)

# What other targets run is at least looked at.
test: deps-test
	go vet ./...
	@for tag in lab soak e2e browser; do echo go vet -tags $$tag ./...; go vet -tags $$tag ./... || exit 1; done
	go test -timeout 10m ./...
	CGO_ENABLED=0 go test -tags headless ./app ./app/host

race: deps-test
	go test -race -p 1 -parallel 1 -timeout 30m ./...

# make row N=17: the tests of a row of the reliability programme (netstack/programme_test.go)
row: deps-test
	go test -count=1 -v -run 'TestRow$(N)' ./... | grep -v 'no test files\|no tests to run\|^PASS'

lint:
	@test -z "$$(gofmt -l .)" || { gofmt -l .; exit 1; }
	go vet ./...
	go tool staticcheck ./...

e2e: build deps-e2e
	go test -count=1 -tags e2e -timeout 20m -v ./app/e2e/...

browser: deps-browser
	go test -count=1 -tags browser -timeout 10m -v ./app/e2e/...

lab: build deps-lab
	$(SUDO) env "PATH=$$PATH" CC=$(CC) CXX=$(CXX) go test -count=1 -p 1 -tags lab -timeout 60m -v ./netstack/netlab/... ./app/e2e/...

# make matrix RUNS=5: the pairings of networks, that often; two calls at a time
matrix: build deps-lab
	$(SUDO) env "PATH=$$PATH" CC=$(CC) CXX=$(CXX) go test -count=1 -tags lab -timeout 90m -v ./app/e2e -run TestRow38Matrix -matrix-runs $(RUNS) -matrix-at-once 2

soak: deps-test
	go test -count=1 -tags soak -timeout 2h -v ./netstack/mesh -run TestRow52
	go test -count=1 -tags soak -timeout 2h -v ./app/call -run TestRow52 -soak $(SOAK)
	go test -count=1 -tags soak -timeout 2h -v ./app/call -run TestWanderFar

shots: deps
	go run ./app/ui/shots -out assets/shots

# One figure a line: name, value, unit. The SFU is loaded by other processes, the
# mixer runs in real time, once; what needs neither is measured briefly.
FIGURES = awk '/^Benchmark/ { sub(/^Benchmark/, "", $$1); sub(/-[0-9]+$$/, "", $$1); for (i = 3; i < NF; i += 2) print $$1, $$i, $$(i+1) }'

bench: deps
	@go run ./netstack/sfu/sfubench
	@go run ./netstack/sfu/sfubench -name sfu_room16 -talkers 16 -receivers 0 -height 180 -bitrate 150000
	@go test -run '^$$' -bench . -benchmem ./netstack/sfu | $(FIGURES)
	@go test -run '^$$' -bench . -benchtime 1x ./netstack/mcu | $(FIGURES)
	@go test -run '^$$' -bench . -benchmem -benchtime 200ms $$(go list ./... | grep -v -e netstack/mcu -e netstack/sfu$$) | $(FIGURES)

fuzz: deps
	@for pkg in $$(go list ./...); do for f in $$(go test -list '^Fuzz' $$pkg | grep '^Fuzz'); do \
	  echo "$$pkg $$f"; go test -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZTIME) $$pkg || exit 1; done; done

# The packager rewrites FyneApp.toml (it counts builds): put the file back.
package: build
	cp FyneApp.toml .FyneApp.toml.keep
	go tool fyne package --executable ./candid; r=$$?; mv .FyneApp.toml.keep FyneApp.toml; rm -f fyne_metadata_init.go; exit $$r

clean:
	rm -rf candid candid-host $(OUT) fyne_metadata_init.go
