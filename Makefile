# SPDX-License-Identifier: Apache-2.0
# The front door; the work is in CMakeLists.txt, dev/ and bench/.
#   make            the program: build/release/godwit
#   make demo       builds it and shows a migration under load
#   make demo-serve the dashboard on the demo's store (FRESH=1: a new one)
#   make test       runs every test (PRESET=asan, TESTS="-R rules")
#   make check      formatting, clang-tidy, cppcheck, layers, banned functions
#   make bench      measures against SQLite itself (PARTS="rename lua …"),
#                   or what BENCH names: migrate, import, serve, web
#   make screenshots  the pictures in docs/screenshots, anew
#   make cover      line coverage of src from the tests
#   make fuzz       a minute on each fuzzer (SECONDS=60)
PRESET  ?= dev
PREFIX  ?= /usr/local
SECONDS ?= 60
BENCH   ?= migrate
PARTS   ?=
TESTS   ?=

build = cmake --preset $(1) >/dev/null && cmake --build --preset $(1)

release:
	@dev/deps --only-check build
	@$(call build,release)

demo:
	@dev/deps build demo
	@$(call build,release)
	@dev/demo.sh

demo-serve:
	@dev/deps build
	@$(call build,release)
	@dev/demo-serve.sh

test:
	@dev/deps build test
	@$(call build,$(PRESET))
	@dev/test.sh build/$(PRESET) $(TESTS)

check:
	@dev/deps build test check
	@$(call build,dev)
	@dev/check.sh

bench:
	@dev/deps build bench
	@$(call build,release)
	@node bench/$(BENCH).mjs $(PARTS)

screenshots:
	@dev/deps build test screenshots
	@$(call build,dev)
	@node dev/screenshots.mjs

cover:
	@dev/deps build test cover
	@$(call build,cover)
	@dev/cover.sh build/cover

fuzz:
	@dev/deps build fuzz
	@$(call build,fuzz)
	@dev/fuzz.sh build/fuzz $(SECONDS)

fmt:
	@dev/deps check
	@dev/format.sh fix

install: release
	cmake --install build/release --prefix $(DESTDIR)$(PREFIX)

clean:
	rm -rf build

.PHONY: release demo demo-serve test check bench screenshots cover fuzz fmt \
	install clean
