# Part of ImageGateway. SPDX-License-Identifier: Apache-2.0
# make demo    installs what is missing, builds, and makes a picture through a gateway on emulated vendors
# make test    installs what is missing, builds, and runs every test
# make docs    writes the documents that are made from the code
# make build   builds the program for use: .build/release/image-gateway

STRICT = --explicit-target-dependency-import-check error

.PHONY: demo test build docs check clean

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
