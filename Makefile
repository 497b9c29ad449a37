# The front door: a thin face over the CMake presets and scripts/. Every target works from a clean clone, as root or not.
#
#   make test            make run            make install PREFIX=$HOME/.local

PREFIX ?= /usr/local
# How many compilers at once; a C++20 translation unit may take a gigabyte of memory.
JOBS ?= $(shell nproc)
# How many random scripts `make differential` plays, and how many plays `make sim`.
SEEDS ?= $(if $(filter sim,$(MAKECMDGOALS)),10000,20000)
# One play of `make sim` alone, with everything that happens in it.
SEED ?=
# How long `make fuzz` runs each target.
FUZZ_SECONDS ?= 60
# The interpreter of the Python module and of the tests: a name or a path. Empty: as scripts/find-python chooses, which is
# Debian's. none: without the module.
PYTHON ?=
python_path = $(shell scripts/find-python "$(PYTHON)")
python_options = $(if $(filter none,$(PYTHON)),-DTIDEGATE_BUILD_PYTHON=OFF -DTIDEGATE_PYTHON=,-DTIDEGATE_PYTHON="$(PYTHON)")

# Configuring again is cheap, and picks up a preset that changed.
build_preset = cmake --preset $(1) $(python_options) && cmake --build --preset $(1) --parallel $(JOBS) $(2)

.DEFAULT_GOAL := help
.PHONY: help run test debug sanitize asan tsan lint tidy format install clean deps \
  bench bench-quick bench-micro bench-deps bench-programs differential sim faults mutants \
  python conformance python-growth bench-python bench-python-quick bench-python-programs \
  fuzz fuzz-quick fuzz-programs

help: ## List the targets
	@echo "make <target>    (PREFIX=$(PREFIX) JOBS=$(JOBS))"
	@echo
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)$$/  \1|\2/p' $(MAKEFILE_LIST) | \
	  while IFS='|' read -r target text; do printf '  %-22s %s\n' "$$target" "$$text"; done

deps: ## Install the Debian packages that are missing
	@scripts/install-deps

run: deps ## Build the command, then run its demo: real clients, every byte checked
	$(call build_preset,release,--target tidegate_command)
	build/release/tidegate demo

test: deps ## Build, then run every test
	$(call build_preset,release)
	ctest --preset release

python: deps ## Build the Python module, for PYTHON if that is given (python3.12, or a path)
	$(call build_preset,release,--target tidegate_python_package)
	@echo
	@echo "Ready: PYTHONPATH=$(CURDIR)/build/release/python $(python_path) your_program.py"

debug: deps ## Build with assertions and for a debugger, then run every test
	$(call build_preset,debug)
	ctest --preset debug

sanitize: deps ## Run the tests under the sanitizers: memory and undefined behaviour, then data races
	@$(MAKE) --no-print-directory asan
	@$(MAKE) --no-print-directory tsan

asan: deps ## Run every test under the address and undefined-behaviour sanitizers
	$(call build_preset,asan)
	ctest --preset asan

tsan: deps ## Run the tests that cross threads under the thread sanitizer
	$(call build_preset,tsan)
	ctest --preset tsan

differential: deps ## Play SEEDS random scripts on every backend and compare; FIRST_SEED=N begins there
	$(call build_preset,release,--target differential_tests)
	TIDEGATE_SEEDS=$(SEEDS) TIDEGATE_FIRST_SEED=$(FIRST_SEED) \
	  build/release/differential_tests --gtest_filter='*the_seeds_that_were_wished_for'

sim: deps ## Play SEEDS=10000 seeds on a simulated network against the contract; FIRST_SEED=N begins there, SEED=N shows one
	$(call build_preset,release,--target tidegate_sim)
	build/release/tidegate_sim $(if $(SEED),--seed $(SEED),--seeds $(SEEDS) --first $(or $(FIRST_SEED),1) --jobs $(JOBS))

faults: deps ## Have every call, every request and every allocation fail once, on every backend
	$(call build_preset,release,--target fault_tests)
	build/release/fault_tests --gtest_brief=1

mutants: deps ## Put sixty small faults into a copy, one after the other, and expect red tests; ONLY="7 start-tls": these
	nice tests/mutants/run --jobs $(JOBS) --python "$(PYTHON)" $(ONLY)

# Those that ship the package test, on PATH or in TIDEGATE_PYTHONS=/a/python3.12:/b/python3.13.
conformance: deps ## Run CPython's own tests of asyncio on the Python face, with every CPython that is here
	@tests/python/conformance/run --list-interpreters | while read -r python version; do \
	  scripts/python-module "$$python" "build/release/python-$$version" </dev/null || exit 1; done
	tests/python/conformance/run --package-folder 'build/release/python-{version}'

python-growth: deps ## Make CONNECTIONS=100000 connections from Python, and see that nothing grows with them
	scripts/python-module "$(python_path)" build/release/python
	PYTHONPATH=build/release/python TIDEGATE_CONNECTIONS=$(or $(CONNECTIONS),100000) \
	  "$(python_path)" tests/python/face/run garbage_test -k nothing_grows

fuzz: fuzz-programs ## Have libFuzzer make up input for the TLS engine, FUZZ_SECONDS for each target
	fuzz/run $(FUZZ_SECONDS)

fuzz-quick: fuzz-programs ## The same for 20 seconds each
	fuzz/run 20

# The library and the fuzz targets, by clang.
fuzz-programs:
	@scripts/install-deps --fuzz
	$(call build_preset,fuzz)

bench: bench-programs ## Measure against bare epoll and other libraries: 40 minutes; writes docs/performance.*
	bench/run --output docs

bench-quick: bench-programs ## A few rows of that, in under 4 minutes; writes build/bench/performance.*
	bench/run --quick

bench-micro: bench-deps ## Time the rooms of the library one by one: buffers, queues, timers, tasks
	$(call build_preset,bench,--target bench_micro)
	build/bench/bench/micro/bench_micro

bench-python: bench-python-programs ## Measure the loop under PYTHON against asyncio and uvloop: 16 minutes; writes docs/python-performance.*
	bench/run-python --python "$(python_path)" --module build/bench/python --output docs

bench-python-quick: bench-python-programs ## A row of each sort of that, in about a minute; writes build/bench/python-performance.*
	bench/run-python --python "$(python_path)" --module build/bench/python --quick

bench-deps:
	@scripts/install-deps --bench

# The programs that are compared, without the tests: what bench/CMakeLists.txt lists.
bench-programs: bench-deps
	$(call build_preset,bench,--target bench/all)

# The load generator, what is in C for comparison, and the module for that interpreter.
bench-python-programs: bench-deps
	$(call build_preset,bench,--target load echo_epoll datagrams_bare tls_memory child_writer)
	scripts/python-module "$(python_path)" build/bench/python

lint: ## Check format and layers: quick, builds nothing
	@scripts/check-format
	@scripts/check-layers

tidy: deps ## Run clang-tidy over the sources: slow
	cmake --preset release
	@scripts/tidy

format: ## Lay out every C++ file as .clang-format says
	@scripts/format

# Without root for PREFIX, say `make install PREFIX=$HOME/.local`. Building is a step of its own, so that
# `make test && sudo make install` compiles nothing as root.
install: deps ## Install library, headers and command to PREFIX (the Python module: pip install .)
	$(call build_preset,release,--target tidegate_command)
	cmake --install build/release --prefix "$(PREFIX)"

clean: ## Remove everything that was built
	rm -rf build
