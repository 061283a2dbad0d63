# Part of ImageGateway. SPDX-License-Identifier: Apache-2.0
# make demo    installs what is missing, builds, and makes a picture through a gateway on emulated vendors
# make test    installs what is missing, builds, and runs every test
# make crash   kills gateways in the middle of their work: ROUNDS times (100) with TASKS tasks (500); SEED repeats a run
# make docs    writes the documents that are made from the code
# make bench   measures the gateway beside its peers and limits; QUICK=1 in two minutes, ONLY=case[,case], PROFILE=1
#              with where the time goes, PUBLISH=1 into docs/performance.md
# make build   builds the program for use: .build/release/image-gateway

STRICT = --explicit-target-dependency-import-check error
# For use: optimized, and where the toolchain has them (Linux) with Swift's own libraries in the program, which is faster and
# needs nothing of Swift where it runs.
STATIC = $(wildcard $(dir $(realpath $(shell command -v swift)))../lib/swift_static/linux/libswiftCore.a)
RELEASE = -c release $(STRICT) $(if $(STATIC),--static-swift-stdlib)

# More tests at once than this, and each waits so long for its turn that those with a guard of time fail.
export SWT_EXPERIMENTAL_MAXIMUM_PARALLELIZATION_WIDTH = 6

ROUNDS ?= 100
TASKS ?= 500

.PHONY: demo test crash bench build docs check clean

demo:
	scripts/install
	swift build $(STRICT) --product image-gateway
	scripts/demo

test:
	scripts/install test
	scripts/check-sources
	swift build $(STRICT) --build-tests
	# Programs that talk to each other come last: beside everything else they would starve, and it.
	swift test --skip-build --skip GatewayEndToEndTests
	swift test --skip-build --filter GatewayEndToEndTests --skip CrashTests
	# These measure how fast a gateway stops and how much draining saves: alone, like a gateway on a machine of its own.
	swift test --skip-build --no-parallel --filter CrashTests
	scripts/check-cost

crash:
	scripts/install
	swift build $(RELEASE) --product image-gateway
	swift build $(STRICT) --build-tests
	GATEWAY_PROGRAM=$(CURDIR)/.build/release/image-gateway GATEWAY_CRASH_ROUNDS=$(ROUNDS) GATEWAY_CRASH_TASKS=$(TASKS) \
		GATEWAY_CRASH_SEED=$(SEED) swift test --skip-build --no-parallel --filter GatewayEndToEndTests.CrashTests

bench:
	scripts/install bench
	swift build $(RELEASE) --product image-gateway
	swift build $(RELEASE) --product bench-anchors
	scripts/check-cost --program .build/release/image-gateway
	.build/bench-venv/bin/python Benchmarks $(if $(QUICK),--quick) $(if $(BENCH_ROUNDS),--rounds $(BENCH_ROUNDS)) $(if $(ONLY),--only $(ONLY)) \
		$(if $(PROFILE),--profile) $(if $(PUBLISH),--publish)

build:
	scripts/install
	swift build $(RELEASE) --product image-gateway

docs:
	swift build $(STRICT) --product image-gateway
	.build/debug/image-gateway providers --markdown >.build/providers.md
	mv .build/providers.md docs/providers.md

check:
	scripts/check-sources

clean:
	rm -rf .build demo
