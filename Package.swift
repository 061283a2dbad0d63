// swift-tools-version: 6.2
// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import PackageDescription

let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let httpTypes = Target.Dependency.product(name: "HTTPTypes", package: "swift-http-types")

let package = Package(
    name: "image-gateway",
    platforms: [.macOS(.v15)],
    products: [
        .library(name: "ImageGateway", targets: ["ImageGateway"]),
        .library(name: "GatewayCore", targets: ["GatewayCore"]),
        .library(name: "GatewayTesting", targets: ["GatewayTesting"]),
        .executable(name: "image-gateway", targets: ["image-gateway"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    ],
    targets: [
        // C libraries: a header of shims each, found by pkg-config; and one header of vector code, which needs no library.
        .systemLibrary(name: "CBase64"),
        .systemLibrary(name: "CCurl", pkgConfig: "libcurl", providers: [.apt(["libcurl4-openssl-dev"])]),
        .systemLibrary(name: "CLibcrypto", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(name: "CPNG", pkgConfig: "libpng", providers: [.apt(["libpng-dev"])]),
        .systemLibrary(name: "CTurboJPEG", pkgConfig: "libturbojpeg", providers: [.apt(["libturbojpeg0-dev"])]),
        .systemLibrary(name: "CWebP", pkgConfig: "libwebpmux", providers: [.apt(["libwebp-dev"])]),

        // Values, protocols and errors: everything else meets here.
        .target(
            name: "GatewayCore",
            dependencies: [
                "CBase64",
                nioCore,
                httpTypes,
                .product(name: "HeapModule", package: "swift-collections"),
            ]
        ),

        // The doors to the outside, each behind a protocol of Core.
        .target(
            name: "GatewayCurl",
            dependencies: [
                "GatewayCore", "CCurl",
                nioCore,
                httpTypes,
                .product(name: "HeapModule", package: "swift-collections"),
            ]
        ),
        .target(
            name: "GatewayObjects",
            dependencies: [
                "GatewayCore", "CLibcrypto",
                nioCore,
                .product(name: "NIOPosix", package: "swift-nio"),
                httpTypes,
            ]
        ),
        .target(
            name: "GatewayStore",
            dependencies: [
                "GatewayCore",
                .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "GRDBSQLite", package: "GRDB.swift"),
            ]
        ),
        .target(
            name: "GatewayPictures",
            dependencies: [
                "GatewayCore", "CPNG", "CTurboJPEG", "CWebP",
                nioCore,
            ]
        ),
        .target(
            name: "GatewayProviders",
            dependencies: [
                "GatewayCore",
                nioCore,
                httpTypes,
            ],
            path: "providers"
        ),

        // The work, and the way to ask for it.
        .target(
            name: "GatewayEngine",
            dependencies: [
                "GatewayCore",
                httpTypes,
                .product(name: "HeapModule", package: "swift-collections"),
                .product(name: "Logging", package: "swift-log"),
                nioCore,
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ]
        ),
        .target(
            name: "GatewayServer",
            dependencies: [
                "GatewayCore",
                httpTypes,
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HummingbirdCore", package: "hummingbird"),
                .product(name: "HummingbirdTLS", package: "hummingbird"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                nioCore,
            ]
        ),
        .target(
            name: "GatewayEmulator",
            dependencies: [
                "GatewayCore", "CPNG", "CTurboJPEG",
                httpTypes,
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "Logging", package: "swift-log"),
                nioCore,
            ]
        ),

        // What others embed, what they test with, and the program itself.
        .target(
            name: "ImageGateway",
            dependencies: [
                "GatewayCore", "GatewayCurl", "GatewayObjects", "GatewayStore", "GatewayProviders", "GatewayEngine",
                "GatewayPictures",
                .product(name: "Logging", package: "swift-log"),
                nioCore,
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "Yams", package: "Yams"),
            ]
        ),
        .target(
            name: "GatewayTesting",
            dependencies: [
                "GatewayCore",
                nioCore,
                httpTypes,
            ]
        ),
        .executableTarget(
            name: "image-gateway",
            dependencies: [
                "GatewayCore", "GatewayCurl", "GatewayServer", "GatewayEmulator", "ImageGateway",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                httpTypes,
                .product(name: "Logging", package: "swift-log"),
                nioCore,
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ]
        ),

        // What the benchmark compares with and loads with; nothing else needs it.
        .executableTarget(
            name: "bench-anchors",
            dependencies: [
                "GatewayCore", "CLibcrypto",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Hummingbird", package: "hummingbird"),
                nioCore,
            ],
            path: "Benchmarks/Anchors"
        ),

        .testTarget(name: "GatewayCoreTests", dependencies: ["GatewayCore", "GatewayTesting", nioCore]),
        .testTarget(
            name: "GatewayCurlTests",
            dependencies: [
                "GatewayCore", "GatewayCurl", "GatewayTesting", nioCore, httpTypes,
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HummingbirdCore", package: "hummingbird"),
                .product(name: "HummingbirdHTTP2", package: "hummingbird"),
            ]
        ),
        .testTarget(
            name: "GatewayObjectsTests",
            dependencies: ["GatewayCore", "GatewayCurl", "GatewayObjects", "GatewayTesting", nioCore, httpTypes],
            resources: [.copy("Vectors"), .copy("Oracles")]
        ),
        .testTarget(
            name: "GatewayStoreTests",
            dependencies: [
                "GatewayCore", "GatewayStore", "GatewayTesting", .product(name: "GRDB", package: "GRDB.swift"),
            ]
        ),
        .testTarget(
            name: "GatewayPictureTests",
            dependencies: ["GatewayCore", "GatewayPictures", "CPNG", "CTurboJPEG", "CWebP", nioCore]
        ),
        .testTarget(
            name: "GatewayProviderTests",
            dependencies: [
                "GatewayCore", "GatewayProviders", "GatewayTesting", "ImageGateway", nioCore, httpTypes,
                .product(name: "Logging", package: "swift-log"),
            ],
            resources: [.copy("Recordings")]
        ),
        .testTarget(
            name: "GatewayEngineTests",
            dependencies: [
                "GatewayCore", "GatewayCurl", "GatewayEngine", "GatewayObjects", "GatewayTesting", nioCore, httpTypes,
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ]
        ),
        .testTarget(
            name: "GatewayServerTests",
            dependencies: [
                "GatewayCore", "GatewayObjects", "GatewayServer", "GatewayTesting", nioCore, httpTypes,
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HummingbirdTesting", package: "hummingbird"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOEmbedded", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ]
        ),
        .testTarget(
            name: "GatewayEmulatorTests",
            dependencies: [
                "GatewayCore", "GatewayEmulator", "GatewayTesting", nioCore, httpTypes,
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HummingbirdTesting", package: "hummingbird"),
            ]
        ),
        .testTarget(
            name: "ImageGatewayTests",
            dependencies: [
                "GatewayCore", "GatewayObjects", "ImageGateway", "GatewayTesting", nioCore, httpTypes,
                .product(name: "Logging", package: "swift-log"),
            ]
        ),
        .testTarget(
            name: "GatewayEndToEndTests",
            dependencies: [
                "GatewayCore", "GatewayCurl", "GatewayTesting", "ImageGateway", "image-gateway", nioCore, httpTypes,
                .product(name: "Logging", package: "swift-log"),
            ],
            resources: [.copy("Clients")]
        ),
    ],
    swiftLanguageModes: [.v6]
)

for target in package.targets where target.type != .system {
    target.swiftSettings = [
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("MemberImportVisibility"),
        .treatAllWarnings(as: .error),
    ]
}
