import AddressSets
import Glibc
import NameProxy
import Synchronization
import TelosCore

/// The kernel's part, kept in memory. The mark of a datagram is the agent's id.
final class FakeKernel: NameGate {
  struct State {
    var standing: [UInt64: AgentStanding] = [:]
    var windows: [UInt64: [IPAddress: (ports: [NamePorts], end: UInt64)]] = [:]
    var opened = 0
    var room = Int.max
    var connectionAgent: UInt64?
    var unmarked: UInt64?
    /// How long an opening takes, in microseconds.
    var slowness: UInt32 = 0
  }

  let state = Mutex(State())

  func agent(ofMark mark: UInt32) -> UInt64? {
    mark == 0 ? state.withLock(\.unmarked) : UInt64(mark)
  }
  func agent(ofConnection connection: Int32) -> UInt64? { state.withLock(\.connectionAgent) }
  func standing(of agent: UInt64) -> AgentStanding {
    state.withLock { $0.standing[agent] ?? .free }
  }

  func open(_ address: IPAddress, ports: [NamePorts], until end: UInt64, for agent: UInt64)
    throws(TelosError)
  {
    let slowness = state.withLock(\.slowness)
    if slowness > 0 { usleep(slowness) }
    let hasRoom = state.withLock { state in
      guard state.opened < state.room else { return false }
      state.opened += 1
      state.windows[agent, default: [:]][address] = (ports, end)
      return true
    }
    if !hasRoom { throw TelosError(.unavailable, "the map of names is full") }
  }

  func windows(of agent: UInt64) -> [IPAddress: (ports: [NamePorts], end: UInt64)] {
    state.withLock { $0.windows[agent] ?? [:] }
  }

  func ends(of agent: UInt64, _ address: String) throws -> UInt64? {
    windows(of: agent)[try IPAddress(address)]?.end
  }
}

/// Rules by name; a key that begins with `*.` is a wildcard.
struct TestRules: NameRules {
  var rules: [String: NameRule] = [:]
  var keptNames: [String] { rules.filter { $0.value.isReachableWhileTainted }.map(\.key).sorted() }

  static let https = [NamePorts(first: 443, last: 443)]

  init(_ names: String..., ttl: UInt32? = nil, isPrivate: Bool = false, whileTainted: Bool = false)
  {
    for name in names {
      rules[name] = NameRule(
        ports: [NamePorts(first: 443, last: 443, whileTainted: whileTainted)], ttl: ttl,
        isPrivate: isPrivate, isExact: !name.hasPrefix("*."))
    }
  }

  func adding(_ other: TestRules) -> TestRules {
    var sum = self
    sum.rules.merge(other.rules) { $1 }
    return sum
  }

  func rule(for name: String) -> NameRule? {
    if let rule = rules[name] { return rule }
    var rest = Substring(name)
    while let dot = rest.firstIndex(of: ".") {
      rest = rest[rest.index(after: dot)...]
      if let rule = rules["*.\(rest)"] { return rule }
    }
    return nil
  }
}

/// A proxy on ports of this machine's loopback, with an authority behind it.
final class Bench: Sendable {
  let kernel = FakeKernel()
  let sockets: ProxySockets
  let proxy: NameProxy
  let reports = Reports()
  /// What the boot clock is put ahead by, in nanoseconds.
  let ahead = Clock()

  final class Clock: Sendable {
    let value = Mutex<UInt64>(0)
    func pass(seconds: UInt64) { value.withLock { $0 += seconds * 1_000_000_000 } }
  }

  final class Reports: Sendable {
    private let all = Mutex<[NameReport]>([])
    func add(_ new: [NameReport]) { all.withLock { $0 += new } }
    var list: [NameReport] { all.withLock { $0 } }

    /// Reports come once a second.
    func waits(for reason: NameReport.Reason, name: String? = nil) async -> NameReport? {
      for _ in 0..<60 {
        let found = list.first { $0.reason == reason && (name == nil || $0.name == name) }
        if let found { return found }
        try? await Task.sleep(for: .milliseconds(50))
      }
      return nil
    }
  }

  init(
    _ authority: UInt16, limits: ProxyLimits = ProxyLimits(), network: NetworkNamespace? = nil,
    wanted: UInt16? = nil,
    verdict: @escaping @Sendable (String) -> String? = { _ in nil }
  ) async throws {
    let network = try network ?? NetworkNamespace()
    sockets = try ProxySockets.open(in: network, port: wanted)
    let (reports, ahead) = (reports, ahead)
    proxy = try NameProxy(
      gate: kernel, limits: limits, clock: { bootNanoseconds() + ahead.value.withLock { $0 } },
      verdict: verdict, report: { reports.add($0) })
    try await proxy.serve(sockets, asking: Self.servers(authority))
  }

  static func servers(_ port: UInt16) -> UpstreamConfiguration {
    UpstreamConfiguration(
      servers: [.init(ResolvConf.Server(address: IPAddress(v4: 0x7f00_0001)), port: port)])
  }

  func agent(_ id: UInt64, _ rules: TestRules) async -> Void {
    await proxy.add(id, rules: rules, network: sockets.network)
  }

  func client(_ agent: UInt32, isStream: Bool = false, isV6: Bool = false) throws -> Client {
    if isStream { kernel.state.withLock { $0.connectionAgent = UInt64(agent) } }
    return try Client(port: sockets.port, mark: agent, isStream: isStream, isV6: isV6)
  }

  var now: UInt64 { bootNanoseconds() + ahead.value.withLock { $0 } }
}
