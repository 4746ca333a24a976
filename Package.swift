// swift-tools-version: 6.1
import PackageDescription

let strict: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
]

// Products of the packages below, by the name that target lists use.
let grpc = Target.Dependency.product(name: "GRPCCore", package: "grpc-swift-2")
let grpcTransport = Target.Dependency.product(
  name: "GRPCNIOTransportHTTP2Posix", package: "grpc-swift-nio-transport")
let grpcProtobuf = Target.Dependency.product(name: "GRPCProtobuf", package: "grpc-swift-protobuf")
let protobuf = Target.Dependency.product(name: "SwiftProtobuf", package: "swift-protobuf")
let x509 = Target.Dependency.product(name: "X509", package: "swift-certificates")
let asn1 = Target.Dependency.product(name: "SwiftASN1", package: "swift-asn1")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioHTTP1 = Target.Dependency.product(name: "NIOHTTP1", package: "swift-nio")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let nioSSL = Target.Dependency.product(name: "NIOSSL", package: "swift-nio-ssl")
let certificateReloading = Target.Dependency.product(
  name: "NIOCertificateReloading", package: "swift-nio-extras")
let asyncAlgorithms = Target.Dependency.product(
  name: "AsyncAlgorithms", package: "swift-async-algorithms")
let log = Target.Dependency.product(name: "Logging", package: "swift-log")
let arguments = Target.Dependency.product(
  name: "ArgumentParser", package: "swift-argument-parser")
let metrics = Target.Dependency.product(name: "CoreMetrics", package: "swift-metrics")
let lifecycle = Target.Dependency.product(
  name: "ServiceLifecycle", package: "swift-service-lifecycle")
let grdb = Target.Dependency.product(name: "GRDB", package: "GRDB.swift")
let hummingbird = Target.Dependency.product(name: "Hummingbird", package: "hummingbird")
let hummingbirdTLS = Target.Dependency.product(name: "HummingbirdTLS", package: "hummingbird")
let hummingbirdTesting = Target.Dependency.product(
  name: "HummingbirdTesting", package: "hummingbird")
let httpClient = Target.Dependency.product(name: "AsyncHTTPClient", package: "async-http-client")
let yams = Target.Dependency.product(name: "Yams", package: "Yams")

// `make fuzz` builds the libraries once more, beside the release build, so that libFuzzer sees where inputs lead.
let isFuzzed = Context.environment["TELOS_FUZZ"] != nil
let fuzzer = "-sanitize=fuzzer,address"

/// A Swift library in Sources/.
func library(
  _ name: String, _ dependencies: [Target.Dependency], path: String? = nil, exclude: [String] = []
) -> Target {
  .target(
    name: name, dependencies: dependencies, path: path, exclude: exclude,
    swiftSettings: isFuzzed ? strict + [.unsafeFlags([fuzzer])] : strict)
}

/// A suite of tests. What it tests is optimised. It itself is not: building it takes longer than running it.
func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .testTarget(
    name: name, dependencies: dependencies,
    swiftSettings: strict + [
      .unsafeFlags(["-Onone", "-no-whole-module-optimization", "-enable-batch-mode"])
    ])
}

let package = Package(
  name: "telos",
  platforms: [.macOS(.v15)],
  products: [
    .executable(name: "telos", targets: ["telos"]),
    .executable(name: "telos-coordinator", targets: ["telos-coordinator"]),
    .executable(name: "telos-node", targets: ["telos-node"]),
  ],
  dependencies: [
    .package(url: "https://github.com/grpc/grpc-swift-2.git", exact: "2.4.3"),
    .package(url: "https://github.com/grpc/grpc-swift-nio-transport.git", exact: "2.9.2"),
    .package(url: "https://github.com/grpc/grpc-swift-protobuf.git", exact: "2.4.1"),
    .package(url: "https://github.com/apple/swift-protobuf.git", exact: "1.39.0", traits: []),
    .package(url: "https://github.com/apple/swift-certificates.git", exact: "1.21.1"),
    .package(url: "https://github.com/apple/swift-crypto.git", exact: "4.5.2"),
    .package(url: "https://github.com/apple/swift-asn1.git", exact: "1.7.4"),
    .package(url: "https://github.com/apple/swift-nio.git", exact: "2.101.2"),
    .package(url: "https://github.com/apple/swift-nio-ssl.git", exact: "2.37.6"),
    .package(url: "https://github.com/apple/swift-nio-extras.git", exact: "1.35.2"),
    .package(url: "https://github.com/apple/swift-log.git", exact: "1.16.2"),
    .package(url: "https://github.com/apple/swift-async-algorithms.git", exact: "1.1.4"),
    .package(url: "https://github.com/apple/swift-metrics.git", exact: "2.13.0"),
    .package(url: "https://github.com/apple/swift-argument-parser.git", exact: "1.8.2"),
    .package(
      url: "https://github.com/swift-server/swift-service-lifecycle.git", exact: "2.13.0"),
    .package(url: "https://github.com/groue/GRDB.swift.git", exact: "7.10.0"),
    .package(url: "https://github.com/hummingbird-project/hummingbird.git", exact: "2.28.1"),
    .package(url: "https://github.com/swift-server/async-http-client.git", exact: "1.37.0"),
    .package(url: "https://github.com/jpsim/Yams.git", exact: "6.2.2"),
  ],
  targets: [
    // C: the kernel's ABI header, libbpf, libpq of PostgreSQL, and NLnet Labs' libunbound and ldns.
    .systemLibrary(name: "CTelosABI", path: "bpf/abi"),
    .systemLibrary(name: "CLibbpf", pkgConfig: "libbpf", providers: [.apt(["libbpf-dev"])]),
    .systemLibrary(name: "CLibpq", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),
    .systemLibrary(
      name: "CUnbound", pkgConfig: "libunbound", providers: [.apt(["libunbound-dev"])]),
    .systemLibrary(name: "CLdns", pkgConfig: "ldns", providers: [.apt(["libldns-dev"])]),
    .target(name: "CSockets"),
    // Loaded when the first name is judged, and so not linked: only their headers are needed here.
    .systemLibrary(name: "CICU", providers: [.apt(["libicu-dev"])]),
    .systemLibrary(name: "CPSL", providers: [.apt(["libpsl-dev"])]),
    .target(name: "CCanary"),
    .target(name: "CRelay"),
    .target(name: "CWatchList", path: "Sources/NameVerdicts/BuiltIn", exclude: ["watch.list"]),

    // Shared libraries, each depending only on those above it.
    library("TelosCore", [crypto]),
    library("AddressSets", ["TelosCore"]),
    library(
      "NameVerdicts", ["TelosCore", "CICU", "CPSL", "CWatchList"], exclude: ["BuiltIn"]),
    library("Trust", ["TelosCore", crypto]),
    library("TelosAPI", ["TelosCore", "Trust"]),
    library("Intents", ["TelosCore", "AddressSets", "Trust", yams]),
    library(
      "FleetWire", ["TelosCore", "AddressSets", "Trust", grpc, grpcProtobuf, protobuf],
      exclude: ["Protocol"]),
    library(
      "FleetIdentity",
      [
        "TelosCore", grpc, grpcTransport, x509, asn1, crypto, nioCore, nioSSL,
        certificateReloading,
      ]),
    library(
      "FleetCA", ["TelosCore", "Trust", "FleetIdentity", x509, asn1, crypto], path: "certs",
      exclude: ["README.md"]),
    library("BPFKit", ["CLibbpf"]),
    library("Kernel", ["TelosCore", "AddressSets", "BPFKit", "CLibbpf", "CCanary", "CTelosABI"]),
    library("IntentCompiler", ["TelosCore", "Intents", "AddressSets", "Kernel", "CTelosABI"]),
    library(
      "NameProxy",
      [
        "TelosCore", "AddressSets", "CSockets", "CUnbound", "CLdns", nioCore, nioPosix, nioSSL,
      ]),
    library("SQLiteFiles", ["TelosCore", grdb]),
    library("EventLog", ["TelosCore", "SQLiteFiles", "FleetWire", grdb, crypto, protobuf]),
    library("Operations", ["TelosCore", "TelosAPI", arguments, hummingbird, metrics, nioCore]),

    // The coordinator.
    library(
      "Coordinator",
      [
        "TelosCore", "Operations", "SQLiteFiles", "AddressSets", "Trust", "TelosAPI", "Intents",
        "FleetWire",
        "FleetIdentity",
        "FleetCA", "CLibpq", grdb, hummingbird, hummingbirdTLS, grpc, grpcTransport, grpcProtobuf,
        protobuf,
        x509, asn1,
        crypto, nioCore, nioPosix, nioSSL, certificateReloading, metrics, log, lifecycle, yams,
        asyncAlgorithms,
      ], path: "coordinator/Core"),
    .executableTarget(
      name: "telos-coordinator",
      dependencies: ["TelosCore", "Operations", "Coordinator", arguments, log],
      path: "coordinator/Main", swiftSettings: strict),

    // The node.
    library(
      "Node",
      [
        "TelosCore", "Operations", "SQLiteFiles", "AddressSets", "Trust", "TelosAPI", "Intents",
        "IntentCompiler",
        "NameProxy", "NameVerdicts",
        "Kernel",
        "BPFKit",
        "CTelosABI", "FleetWire", "FleetIdentity", "EventLog", grdb, hummingbird, grpc,
        grpcTransport, grpcProtobuf, protobuf, x509, asn1, crypto, nioCore, nioPosix, nioSSL,
        certificateReloading, metrics, log, lifecycle, httpClient, yams,
      ], path: "node/Core"),
    .executableTarget(
      name: "telos-node",
      dependencies: ["TelosCore", "Operations", "Node", arguments, log, lifecycle],
      path: "node/Main", swiftSettings: strict),

    // The command line.
    .executableTarget(
      name: "telos",
      dependencies: [
        "TelosCore", "AddressSets", "Trust", "TelosAPI", "Intents", "FleetCA", "Kernel",
        "FleetWire", "NameVerdicts", "CRelay",
        arguments, httpClient, crypto, nioCore, nioHTTP1, nioPosix, nioSSL, protobuf, x509, asn1,
      ], swiftSettings: strict),

    // What `make bench` runs natively.
    .executableTarget(
      name: "telos-bench", dependencies: ["TelosCore", "BPFKit", "CTelosABI"],
      path: "Tests/bench/Hyperion", exclude: ["hyperion_bench.bpf.c", "run"],
      swiftSettings: strict),

    .executableTarget(
      name: "telos-names-bench", dependencies: ["NameProxy", "AddressSets", "TelosCore"],
      path: "Tests/bench/Names", exclude: ["run"], swiftSettings: strict),

    // Many nodes without kernels, for tests of scale.
    .executableTarget(
      name: "telos-simulated-nodes",
      dependencies: [
        "Node", "Trust", "EventLog", "FleetWire", "FleetIdentity", "AddressSets", "Kernel",
        "Operations",
        "TelosCore", arguments, grpc, grpcTransport, protobuf, log,
      ], path: "Tests/fleet/Nodes", swiftSettings: strict),

    tests("TelosCoreTests", ["TelosCore"]),
    tests("AddressSetsTests", ["AddressSets"]),
    tests("NameVerdictsTests", ["NameVerdicts", "TelosCore"]),
    tests("TrustTests", ["Trust", "TelosCore", crypto]),
    tests("TelosAPITests", ["TelosAPI", "TelosCore", "Trust"]),
    tests("IntentsTests", ["Intents", "AddressSets", "TelosCore"]),
    tests(
      "FleetIdentityTests",
      [
        "FleetIdentity", "FleetCA", "FleetWire", "Trust", "TelosCore", grpc, grpcTransport,
        grpcProtobuf, protobuf, x509, asn1, crypto, nioSSL,
      ]),
    tests(
      "KernelTests",
      ["Kernel", "BPFKit", "CLibbpf", "CCanary", "CTelosABI", "AddressSets", "TelosCore"]),
    tests(
      "NameProxyTests",
      ["telos-names-bench", "NameProxy", "AddressSets", "TelosCore", "CLdns", "CSockets"]),
    tests("IntentCompilerTests", ["IntentCompiler", "Intents", "Kernel", "CTelosABI"]),
    tests(
      "OperationsTests",
      ["Operations", "TelosAPI", "TelosCore", hummingbird, hummingbirdTesting, metrics, nioCore]),
    tests("EventLogTests", ["EventLog", "SQLiteFiles", "FleetWire", "TelosCore", grdb, protobuf]),
    tests(
      "CoordinatorTests",
      [
        "Coordinator", "Trust", "Intents", "FleetWire", "FleetIdentity", "FleetCA", "AddressSets",
        "TelosCore", grdb, hummingbird, hummingbirdTesting, grpc, grpcTransport, protobuf, crypto,
        nioCore, x509,
        log,
      ]),
    tests(
      "NodeTests",
      [
        "Node", "Operations", "Trust", "FleetWire", "FleetIdentity", "FleetCA", "EventLog",
        "AddressSets",
        "Intents", "Kernel", "CTelosABI", "TelosAPI", "TelosCore", grdb, grpc, grpcTransport,
        grpcProtobuf, hummingbird,
        hummingbirdTesting, protobuf, crypto, log, nioCore, nioSSL, x509,
      ]),
    tests(
      "CLITests",
      [
        "telos", "TelosAPI", "TelosCore", "Intents", "AddressSets", "Trust", "NameVerdicts",
        arguments,
      ]),
  ]
)

if isFuzzed {
  package.targets += [
    .systemLibrary(name: "CLibFuzzer", path: "Tests/fuzz/CLibFuzzer"),
    .executableTarget(
      name: "telos-fuzz",
      dependencies: [
        "CLibFuzzer", "TelosAPI", "TelosCore", "AddressSets", "Trust", "Intents", "FleetWire",
        "FleetIdentity",
        "FleetCA", "Kernel", "CTelosABI", "NameProxy", "Node", "Coordinator", protobuf, x509,
      ],
      path: "Tests/fuzz/Targets", swiftSettings: strict,
      linkerSettings: [.unsafeFlags([fuzzer, "-use-ld=lld"])]),
  ]
}
