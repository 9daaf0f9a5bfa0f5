# For people. The build itself is CMake's: see CMakePresets.json.
PRESET ?= release
PREFIX ?= /usr/local
BUILD := build/$(PRESET)
BENCH := $(if $(MODELS),--models $(MODELS)) $(if $(THREADS),--threads $(THREADS)) $(if $(ROUNDS),--rounds $(ROUNDS)) \
	$(if $(ENGINES),--engines $(ENGINES)) $(if $(COLD),--cold)
JOBS := $(shell nproc)

.PHONY: help build demo test test-long bench install format clean

help:
	@echo 'make demo                 build, then show a network cut at every place, on this machine'
	@echo 'make test                 build, then run the tests (10 minutes on two cores; the first time longer)'
	@echo 'make test-long            the same and the long tests'
	@echo 'make bench                build, then compare with other runtimes; MODELS=resnet50,lenet THREADS=1 ROUNDS=20 ENGINES=offcut,ncnn COLD=1'
	@echo 'make install PREFIX=...   install the library, its headers and the command (/usr/local)'
	@echo 'make format               let clang-format lay out the C files'
	@echo 'make clean                remove build/'
	@echo 'PRESET=release|debug|asan|clang chooses the build; missing Debian packages are installed.'

build:
	@scripts/install-deps.sh
	@cmake --preset $(PRESET) $(if $(wildcard $(BUILD)/build.ninja),>/dev/null)
	@cmake --build --preset $(PRESET)

demo: build
	$(BUILD)/bin/offcut demo

test: build
	ctest --preset $(PRESET) -j $(JOBS) -LE long

test-long: build
	@scripts/install-deps.sh --long
	ctest --preset $(PRESET) -j $(JOBS)

bench: build
	@scripts/install-deps.sh --bench
	@bench/bench.sh --engine $(BUILD)/bench/bench_engine $(BENCH)

install: build
	cmake --install $(BUILD) --prefix '$(PREFIX)'

format:
	git ls-files -co --exclude-standard '*.[ch]' | xargs clang-format -i

clean:
	rm -rf build
