import AddressSets
import FoundationEssentials
import Kernel
import TelosCore
import Testing

@testable import Node

@Suite struct ConfigurationTests {
  @Test func theDefaultFileMeansTheDefaults() throws {
    let text = try String(contentsOfFile: "node/node.yaml", encoding: .utf8)
    #expect(try NodeConfiguration(yaml: text, path: "node.yaml") == NodeConfiguration())
    #expect(try NodeConfiguration(yaml: "", path: "node.yaml") == NodeConfiguration())
  }

  @Test func everyKeyIsRead() throws {
    let configuration = try NodeConfiguration(
      yaml: """
        labels: {role: agents, site: fra}
        interfaces: [eth0, eth1]
        coordinators: ["192.0.2.1:7443"]
        neverBlock: [192.0.2.0/24, "2001:db8::1"]
        group: wheel
        cgroup: /sys/fs/cgroup/test
        bpffs: /tmp/bpf
        socket: /tmp/telos.sock
        metrics: 127.0.0.1:9999
        spoolMiB: 4
        kernel:
          {processes: 2048, files: 1000000, rules: 100000, windows: 512, names: 1024, filesPerAgent: 5000}
        log: debug
        """, path: "node.yaml")
    #expect(configuration.labels == ["role": "agents", "site": "fra"])
    #expect(configuration.interfaces == ["eth0", "eth1"])
    #expect(configuration.neverBlock.count == 2)
    #expect(configuration.spoolBytes == 4 << 20)
    #expect(configuration.cgroup == "/sys/fs/cgroup/test")
    #expect(configuration.sizes.processes == 2048 && configuration.sizes.files == 1_000_000)
    #expect(configuration.sizes.rules == 100_000 && configuration.sizes.windows == 512)
    #expect(configuration.sizes.names == 1024)
    #expect(configuration.quota.inodes == 5000)
    #expect(configuration.quota.tasks == 2048, "a share that was not given is no more than all")
  }

  @Test(arguments: [
    ("a: 1\nspool: 3", "node.yaml:1"), ("log: info\nneverBlock: [10.0.0.1/8]", "node.yaml:2"),
    ("socket: run/telos.sock", "absolute"), ("spoolMiB: many", "whole number"),
    ("kernel: 3", "keys and values"), ("kernel: {file: 3}", "unknown key"),
    ("log: info\nkernel:\n  files: 5000\n  rules: 1", "node.yaml:4"),
    ("kernel: {files: 20000000}", "from 4096 to 16777216"),
    ("kernel: {files: 5000, filesPerAgent: 5001}", "more than the 5000"),
    ("interfaces: eth0", "a list"), ("labels: [a]", "keys and values"), ("- a", "keys and values"),
    ("{", "not YAML"),
  ])
  func badValuesAreRefusedWithTheirPlace(yaml: String, said: String) {
    let error = #expect(throws: TelosError.self) {
      try NodeConfiguration(yaml: yaml, path: "node.yaml")
    }
    #expect(error?.message.contains(said) == true, "\(error?.message ?? "")")
  }

  @Test func resolversAreFoundInResolvConf() {
    let found = LocalNeverBlock.resolvers(
      """
      # comment
      search example.org
      nameserver 192.0.2.53
      nameserver\t2001:db8::53
      nameserver fe80::1%eth0
      nameserver nonsense
      options edns0
      """)
    #expect(found.map(\.description) == ["192.0.2.53", "2001:db8::53", "fe80::1"])
  }

  @Test func gatewaysAreFoundInTheRoutesOfBothFamilies() {
    let v4 = LocalNeverBlock.gateways4(
      """
      Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
      eth0\t00000000\t010200C0\t0003\t0\t0\t100\t00000000\t0\t0\t0
      eth0\t000200C0\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0
      """)
    #expect(v4.map(\.description) == ["192.0.2.1"])
    let zero = String(repeating: "0", count: 32)
    let v6 = LocalNeverBlock.gateways6(
      """
      \(zero) 00 \(zero) 00 20010db8000000000000000000000001 00000400 00000001 00000000 00000003 eth0
      20010db8000000000000000000000000 40 \(zero) 00 \(zero) 00000100 00000001 00000000 00000001 eth0
      """)
    #expect(v6.map(\.description) == ["2001:db8::1"])
  }

  @Test func aNodeAlwaysSparesLoopbackAndItsCoordinators() throws {
    let set = LocalNeverBlock.current(
      coordinators: try Endpoint("192.0.2.77:7443").resolve(), more: [try IPPrefix("10.0.0.0/8")])
    for address in ["127.0.0.1", "127.1.2.3", "::1", "192.0.2.77", "10.1.2.3"] {
      #expect(set.covers(try IPAddress(address)), "\(address)")
    }
  }

  @Test(arguments: [
    ("host:1", "host", 1), ("192.0.2.1:7443", "192.0.2.1", 7443),
    ("[2001:db8::1]:7443", "2001:db8::1", 7443), ("[fe80::1%eth0]:1", "fe80::1%eth0", 1),
  ])
  func endpointsAreHostAndPort(text: String, host: String, port: Int) throws {
    let endpoint = try Endpoint(text)
    #expect(endpoint.host == host && endpoint.port == port)
    #expect(endpoint.description == text)
  }

  @Test(arguments: [
    "", "host", ":1", "host:0", "host:70000", "[::1]", "host:x", "2001:db8::1:7443", "a]:1",
    "[a]:1",
    "[]:1", "host\0.evil:1", "two hosts:1",
  ])
  func otherEndpointsAreRefused(text: String) {
    #expect(throws: TelosError.self) { try Endpoint(text) }
  }

  @Test func aSecondDaemonIsRefusedAndNamesTheFirst() async throws {
    try await withFolder { path in
      let folder = try DataFolder("\(path)/data")
      let lock = try folder.lock()
      let error = #expect(throws: TelosError.self) { try folder.lock() }
      #expect(error?.code == .conflict)
      #expect(error?.message.contains("pid \(ProcessInfo.processInfo.processIdentifier)") == true)
      withExtendedLifetime(lock) {}
    }
  }

  @Test func theLockEndsWithItsHolder() async throws {
    try await withFolder { path in
      let folder = try DataFolder(path)
      do { _ = try folder.lock() }
      _ = try folder.lock()
    }
  }
}

@Suite struct CoordinatorAddressesTests {
  @Test func coordinatorsStayKnownWhileNoResolverAnswers() async throws {
    try await withFolder { folder in
      let file = "\(folder)/coordinators.json"
      let endpoints = [
        try Endpoint("192.0.2.7:7443"), try Endpoint("localhost:7443"),
        try Endpoint("name.invalid:7443"),
      ]
      let addresses = CoordinatorAddresses(endpoints, file: file)
      #expect(addresses.known.map(\.description) == ["192.0.2.7"])
      let loopback = try IPAddress("127.0.0.1")
      #expect(addresses.refresh().contains(loopback))
      try DurableFile.write(
        Array(#"{"localhost:7443":["127.0.0.1"],"name.invalid:7443":["198.51.100.4"]}"#.utf8),
        to: file)
      let lost = try IPAddress("198.51.100.4")
      #expect(addresses.known.contains(lost))
      #expect(
        addresses.refresh().contains(lost), "a name that is not known now keeps its addresses")
    }
  }
}
