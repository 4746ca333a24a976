import AddressSets
import IntentCompiler
import Intents
import Kernel
import TelosCore
import Testing

@Suite struct WindowTests {
  let sandbox: Sandbox
  init() throws { sandbox = try Sandbox() }

  func windows(_ network: Intent.Network) throws -> [WindowRule] {
    var intent = Intent(
      name: "x", exec: Intent.Exec(allow: [Intent.Executable(path: try ExecPath("/usr/bin/cat"))]))
    intent.network = network
    return try IntentCompiler.compile(intent, in: sandbox.context(now: 5_000_000_000)).windows
  }

  func windows(_ yaml: String) throws -> [WindowRule] {
    try sandbox.compile("network:\n\(yaml)").policy.windows
  }

  @Test("A narrower window holds the ports of the wider ones around it")
  func folding() throws {
    let result = try windows(
      """
        allow:
          - {cidr: 10.0.0.0/8, ports: [53], protocols: [udp]}
          - {cidr: 10.1.0.0/16, ports: [443], protocols: [tcp]}
          - {cidr: 10.1.0.0/16, ports: [80], protocols: [tcp]}
          - {cidr: 10.2.0.0/16, ports: [53], protocols: [udp]}
      """)
    #expect(result.map { "\($0.prefix)" } == ["10.0.0.0/8", "10.1.0.0/16"])
    #expect(result[1].ports.map(\.first) == [53, 80, 443])
    #expect(result[1].ports[0].udp && !result[1].ports[0].tcp)
  }

  func inbound(_ list: String) throws -> [WindowRule] {
    try sandbox.compile("network: {listen: \(list)}").policy.inbound
  }

  @Test("Who may come in is a window by the peer, and :: has all ports together")
  func listeners() throws {
    #expect(try sandbox.compile("").policy.inbound.isEmpty)
    let result = try inbound(
      "[{ports: [8080], cidr: 10.0.0.0/8}, {ports: [53], cidr: 10.1.0.0/16, protocols: [udp]}]")
    let tcp = PortRule(first: 8080, last: 8080, tcp: true, udp: false)
    let udp = PortRule(first: 53, last: 53, tcp: false, udp: true)
    #expect(
      Dictionary(uniqueKeysWithValues: result.map { ("\($0.prefix)", $0.ports) }) == [
        "10.0.0.0/8": [tcp], "10.1.0.0/16": [udp, tcp], "::": [udp, tcp],
      ])
    #expect(try sandbox.compile("network: {listen: [{ports: [80]}]}").policy.windows.isEmpty)
  }

  @Test("Without peers a port is open to both families, and the ports have to fit the kernel")
  func everybody() throws {
    let result = try inbound("[{ports: [8080]}]")
    let rule = PortRule(first: 8080, last: 8080, tcp: true, udp: false)
    #expect(result.map { "\($0.prefix)" }.sorted() == ["0.0.0.0/0", "::/0"])
    #expect(result.allSatisfy { $0.ports == [rule] })
    let nine = stride(from: 1000, to: 1018, by: 2).map { "\($0)" }.joined(separator: ", ")
    #expect(
      refusal { _ = try inbound("[{ports: [\(nine)]}]") }?.message.contains("network.listen: 9")
        == true)
  }

  @Test("What stays reachable while tainted is a narrower window, and ends when its window ends")
  func whileTainted() throws {
    let result = try windows(
      """
        allow:
          - {cidr: 203.0.113.0/24, ports: [80, 443], protocols: [tcp], ttl: 60s}
        reachableWhileTainted: [{cidr: 203.0.113.7}]
      """)
    #expect(result.map { "\($0.prefix)" } == ["203.0.113.0/24", "203.0.113.7"])
    #expect(result[0].ports.allSatisfy { !$0.whileTainted && $0.expires == 60_000_001_000 })
    #expect(
      result[1].ports.allSatisfy {
        $0.whileTainted && $0.tcp && !$0.udp && $0.expires == 60_000_001_000
      })
    #expect(result[1].ports.map(\.first) == [80, 443])
  }

  @Test("A sensitive address is a window that taints, on every port unless it names some")
  func sensitive() throws {
    let result = try windows("  sensitive: [{cidr: 169.254.169.254}]")
    #expect(
      result == [
        WindowRule(
          prefix: try IPPrefix("169.254.169.254"),
          ports: [PortRule(first: 1, last: 65535, tcp: true, udp: true, sensitive: true)])
      ])
  }

  @Test("All of IPv6 does not open IPv4")
  func mapped() throws {
    let result = try windows("  allow: [{cidr: \"::/0\", ports: [443]}]")
    #expect(result.contains(WindowRule(prefix: .allIPv4, ports: [])))
    #expect(
      try !windows("  allow: [{cidr: \"2001:db8::/32\", ports: [1]}]").contains {
        $0.prefix == .allIPv4
      })
    let both = try windows(
      "  allow: [{cidr: \"::/0\", ports: [443]}, {cidr: 0.0.0.0/0, ports: [80]}]")
    #expect(both.count == 2)
    #expect(both.allSatisfy { $0.ports.count == 1 })
  }

  @Test("Ports join to ranges; more than the kernel holds are refused with the prefix")
  func limit() throws {
    let close = (1...30).map { "\($0)" }.joined(separator: ", ")
    #expect(try windows("  allow: [{cidr: 10.0.0.1, ports: [\(close)]}]")[0].ports.count == 1)
    let apart = (1...9).map { "\($0 * 10)" }.joined(separator: ", ")
    let error = refusal { _ = try windows("  allow: [{cidr: 10.0.0.1, ports: [\(apart)]}]") }
    #expect(error?.message.contains("9 port rules meet at 10.0.0.1") == true)
  }

  @Test("A host is no window: answers open its addresses")
  func host() throws {
    let policy = try sandbox.compile(
      "network: {allow: [{host: api.example.org, ports: [443]}, {cidr: 192.0.2.1, ports: [80]}]}"
    ).policy
    #expect(policy.hasNames && policy.windows.map { "\($0.prefix)" } == ["192.0.2.1"])
    let asks = "network: {ask: [{host: api.example.org, ports: [443], decider: person}]}"
    #expect(try sandbox.compile(asks).policy.hasNames)
    #expect(
      try !sandbox.compile("network: {allow: [{cidr: 192.0.2.1, ports: [53]}]}").policy.hasNames)
  }

  @Test("What the kernel decides from the windows is what the intent says")
  func equivalence() throws {
    var compared = 0
    for _ in 0..<400 {
      let network = randomNetwork()
      guard let windows = try? windows(network) else { continue }
      for _ in 0..<40 {
        let address = randomAddress()
        let port = UInt16.random(in: 1...12)
        let tcp = Bool.random()
        for now in [UInt64(6_000_000_000), 100_000_000_000] {
          let kernel = verdict(windows, address, port, tcp, now)
          let wanted = meaning(network, address, port, tcp, now)
          #expect(kernel == wanted, "\(address) \(port) \(network) \(windows)")
          compared += 1
        }
      }
    }
    #expect(compared > 10_000)
  }

  struct Verdict: Equatable {
    var open = false
    var whileTainted = false
    var sensitive = false
  }

  /// As destination_verdict in bpf/ decides: the longest prefix of 128 bits alone, then every port rule of it.
  func verdict(
    _ windows: [WindowRule], _ address: IPAddress, _ port: UInt16, _ tcp: Bool, _ now: UInt64
  )
    -> Verdict
  {
    var verdict = Verdict()
    let matching = windows.filter { window in
      let shift = UInt128(128 - window.prefix.mappedLength)
      return shift == 128 || address.bits >> shift == window.prefix.address.bits >> shift
    }
    guard let window = matching.max(by: { $0.prefix.mappedLength < $1.prefix.mappedLength }) else {
      return verdict
    }
    for rule in window.ports
    where (tcp ? rule.tcp : rule.udp) && rule.first <= port && port <= rule.last
      && (rule.expires == 0 || now < rule.expires)
    {
      verdict.open = true
      verdict.whileTainted = verdict.whileTainted || rule.whileTainted
      verdict.sensitive = verdict.sensitive || rule.sensitive
    }
    return verdict
  }

  func meaning(
    _ network: Intent.Network, _ address: IPAddress, _ port: UInt16, _ tcp: Bool, _ now: UInt64
  )
    -> Verdict
  {
    func hits(_ entry: Intent.Destination) -> Bool {
      guard case .cidr(let prefix) = entry.target, prefix.contains(address),
        entry.protocols.contains(tcp ? .tcp : .udp)
      else { return false }
      let ports = entry.ports ?? [.all]
      let ended = entry.ttl.map { now >= 5_000_000_000 + $0.seconds * 1_000_000_000 } ?? false
      return !ended && ports.contains { $0.first <= port && port <= $0.last }
    }
    var verdict = Verdict()
    verdict.open = network.allow.contains(where: hits)
    verdict.whileTainted = network.reachableWhileTainted.contains { entry in
      hits(entry)
        && network.allow.contains { window in
          guard case .cidr(let wide) = window.target, case .cidr(let narrow) = entry.target else {
            return false
          }
          return wide.contains(narrow) && hits(window)
        }
    }
    verdict.sensitive = network.sensitive.contains(where: hits)
    verdict.open = verdict.open || verdict.sensitive
    return verdict
  }

  func randomAddress() -> IPAddress {
    let low = UInt32.random(in: 0...15)
    return Bool.random()
      ? IPAddress(v4: 0x0a00_0000 | low)
      : IPAddress(bits: Bool.random() ? UInt128(low) : (0x2001_0db8 << 96) | UInt128(low))
  }

  func randomNetwork() -> Intent.Network {
    func entry(_ portless: Bool, _ ttl: Bool) -> Intent.Destination {
      let address = randomAddress()
      let width = address.isV4 ? 32 : 128
      let length = [0, width - 4, width - 3, width - 2, width - 1, width].randomElement() ?? 0
      let mask = length == width ? UInt128.max : UInt128.max << UInt128(width - length)
      var bits = address.bits & mask
      if address.isV4 { bits = (address.bits & ~0xffff_ffff) | (bits & 0xffff_ffff) }
      let prefix = (try? IPPrefix(IPAddress(bits: bits), length: length)) ?? IPPrefix(address)
      let ports = (0..<Int.random(in: 1...3)).map { _ in
        let first = UInt16.random(in: 1...12)
        return PortRange(first: first, last: UInt16.random(in: first...12))
      }
      return Intent.Destination(
        target: .cidr(prefix), ports: portless && Bool.random() ? nil : PortRange.normalised(ports),
        protocols: [[.tcp], [.udp], [.tcp, .udp]].randomElement() ?? [.tcp],
        ttl: ttl && Bool.random() ? Span(seconds: 60) : nil)
    }
    var network = Intent.Network()
    network.allow = (0..<Int.random(in: 1...4)).map { _ in entry(false, true) }
    network.reachableWhileTainted = (0..<Int.random(in: 0...2)).map { _ in entry(true, false) }
    network.sensitive = (0..<Int.random(in: 0...1)).map { _ in entry(true, false) }
    return network
  }
}
