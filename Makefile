# The face of the build. Meson and Ninja do the work; every target installs what it needs first.

BUILD ?= build
PREFIX ?= /usr/local
JOBS ?= $(shell nproc)
SEED ?=
ROWS ?=
CASE ?=
HISTORY ?=
export BUILD JOBS SEED ROWS

.PHONY: all demo test gate bench vopr fuzz soak soak-server differential history isolation format check-format install dev clean deps deps-test deps-gate help

all: $(BUILD)/build.ninja ## build/kimberlite, build/libkimberlite.so and .a, build/kimberlite.pc
	@ninja -C $(BUILD) -j$(JOBS) face

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 16

deps:
	@tools/install-deps build
deps-test:
	@tools/install-deps test
deps-gate:
	@tools/install-deps gate

# A build directory made before the test library was installed has no tests in it: configure it anew.
with_tests = grep -q test_base_ $(BUILD)/build.ninja || meson setup --reconfigure $(BUILD) >/dev/null

$(BUILD)/build.ninja: | deps
	@meson setup $(BUILD) --libdir lib >$(BUILD).log 2>&1 || { cat $(BUILD).log; rm -f $(BUILD).log; exit 1; }
	@rm -f $(BUILD).log

demo: all ## build, then the main job on real-looking data, in under a minute (SEED=, ROWS=)
	@examples/clinic/demo

test: deps-test $(BUILD)/build.ninja ## at most 10 minutes: checks, gcc, ASan+UBSan
	@$(with_tests)
	@tools/run-tests tests/parts/test.d

gate: deps-gate $(BUILD)/build.ninja ## the rest of what CI runs: clang, TSan, valgrind, fuzzing, long runs
	@$(with_tests)
	@tools/run-tests tests/parts/gate.d

bench: deps-test all ## the figures, side by side with peers, in one run
	@bench/run

vopr: $(BUILD)/build.ninja ## the simulator: N seeds of each scenario (N=, SEED=)
	@ninja -C $(BUILD) -j$(JOBS) vopr
	@tools/soak --seeds $(or $(N),20) $(if $(SEED),--seed $(SEED))

soak: $(BUILD)/build.ninja ## every allocation failing once, then the simulator and concurrent transactions for MINUTES= (60), then soak-server
	@$(with_tests)
	@ninja -C $(BUILD) -j$(JOBS) vopr tests/conformance/differential/differential_worker
	@ALLOC_SHARE=1 tools/run-tests --only alloc tests/parts/gate.d
	@tools/soak --minutes $(or $(MINUTES),60)
	@$(MAKE) --no-print-directory soak-server

soak-server: deps-test all ## a started server under mixed load, kill -9 every minute, then a full disk (SERVER_MINUTES=30)
	@tests/server/soak.py --minutes $(or $(SERVER_MINUTES),30)

differential: deps-test $(BUILD)/build.ninja ## random SQL beside PostgreSQL and SQLite (SEED=, N=, or CASE= alone)
	@$(with_tests)
	@ninja -C $(BUILD) -j$(JOBS) tests/conformance/differential/differential_worker >/dev/null
	@tests/conformance/differential/differential.py $(BUILD)/tests/conformance/differential/differential_worker \
	    --seed $(or $(SEED),1) -n $(or $(N),1000) $(if $(CASE),--repeat $(CASE))

history: deps-test $(BUILD)/build.ninja ## the past beside a copy stopped there (SEED=, N=, or HISTORY= alone)
	@$(with_tests)
	@ninja -C $(BUILD) -j$(JOBS) tests/conformance/differential/differential_worker >/dev/null
	@tests/conformance/history/history.py $(BUILD)/tests/conformance/differential/differential_worker \
	    --seed $(or $(SEED),1) -n $(or $(N),100) $(if $(HISTORY),--only $(HISTORY))

isolation: deps-test $(BUILD)/build.ninja ## concurrent transactions checked for anomalies (SEED=, N=, or HISTORY= alone)
	@$(with_tests)
	@ninja -C $(BUILD) -j$(JOBS) tests/conformance/differential/differential_worker >/dev/null
	@tests/conformance/isolation/isolation.py $(BUILD)/tests/conformance/differential/differential_worker \
	    --seed $(or $(SEED),1) -n $(or $(N),1000) $(if $(HISTORY),--only $(HISTORY))

fuzz: deps-gate ## every fuzz target for SECONDS= (60) from the committed corpus
	@fuzz/run $(or $(SECONDS),60)

format: deps-test ## rewrite all C files as clang-format has it
	@tools/check-format --fix

check-format: deps-test
	@tools/check-format

install: all ## into PREFIX= (/usr/local); DESTDIR= is honoured
	@meson configure $(BUILD) --prefix $(abspath $(PREFIX)) --libdir lib
	@ninja -C $(BUILD) -j$(JOBS) face >/dev/null
	@meson install -C $(BUILD) --no-rebuild

dev: deps-test ## build-dev: unoptimised, ASan+UBSan, with compile_commands.json for editors
	@test -f build-dev/build.ninja || meson setup build-dev --buildtype debug -Db_sanitize=address,undefined -Db_lundef=false
	@ninja -C build-dev -j$(JOBS)
	@ln -sf build-dev/compile_commands.json compile_commands.json

clean: ## remove every build directory
	@rm -rf build build-asan build-clang build-tsan build-dev build-fuzz compile_commands.json
