# Part of ImageGateway. SPDX-License-Identifier: Apache-2.0
# make demo    installs what is missing, builds, and makes a picture through a gateway on emulated vendors
# make test    installs what is missing, builds, and runs every test
# make docs    writes the documents that are made from the code
# make bench   measures the gateway beside its peers and limits; QUICK=1 in two minutes, ONLY=case[,case], PROFILE=1
#              with where the time goes, PUBLISH=1 into docs/performance.md
# make build   builds the program for use: .build/release/image-gateway

STRICT = --explicit-target-dependency-import-check error

.PHONY: demo test bench build docs check clean

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
	swift test --skip-build --filter GatewayEndToEndTests
	scripts/check-cost

bench:
	scripts/install bench
	swift build -c release $(STRICT) --product image-gateway
	swift build -c release $(STRICT) --product bench-anchors
	scripts/check-cost --program .build/release/image-gateway
	.build/bench-venv/bin/python Benchmarks $(if $(QUICK),--quick) $(if $(ONLY),--only $(ONLY)) \
		$(if $(PROFILE),--profile) $(if $(PUBLISH),--publish)

build:
	scripts/install
	swift build -c release $(STRICT) --product image-gateway

docs:
	swift build $(STRICT) --product image-gateway
	.build/debug/image-gateway providers --markdown >.build/providers.md
	mv .build/providers.md docs/providers.md

check:
	scripts/check-sources

clean:
	rm -rf .build demo
