internal import AddressSets
internal import CCanary
internal import CTelosABI
internal import Glibc
public import TelosCore

/// Proves each gate from inside: forks a process that becomes an agent and tries what must be refused, beside
/// what must work. An attach that succeeded proves nothing.
public struct Canary: Sendable {
  private let gates: Gates
  private let table: AgentTable
  private let resolver: any FileResolver
  private let judge: UInt16

  /// - Parameter alone: only the build of `gates` judges the canary, so that no build before it lends it a hand. Not
  ///   when that build was given up.
  public init(
    gates: Gates, table: AgentTable, resolver: any FileResolver, alone: Bool = true
  ) {
    judge = alone ? gates.mark : 0
    self.gates = gates
    self.table = table
    self.resolver = resolver
  }

  /// Blocks for about half a second, at most ten.
  ///
  /// - Parameters:
  ///   - id: a fresh agent id; its events say ``KernelEvent/isCanary``.
  ///   - folder: one that root can write, on a file system that can be asked for inodes; for a decoy.
  /// - Returns: one report a gate. A gate whose programs were not all attached stays unenforced.
  /// - Throws: when the canary itself could not be set up, which proves nothing either way.
  public func prove(id: UInt64, folder: String = "/run/telos") throws(TelosError) -> [GateReport] {
    let nest = try CanaryNest(folder: folder)
    defer { nest.remove() }
    var policy = AgentPolicy()
    policy.ttl = 60
    policy.files = [
      FileRule(
        path: nest.decoy, identities: try resolver.identities(of: nest.decoy), flags: .critical)
    ]
    policy.windows = [
      WindowRule(
        prefix: IPPrefix(IPAddress(v4: 0x7f00_0001)),
        ports: [PortRule(first: nest.allowedPort, last: nest.allowedPort, tcp: true, udp: false)])
    ]
    try table.add(
      id: id, policy: policy, uid: getuid(), quota: AgentQuota(tasks: 16, inodes: 64),
      isCanary: true, judge: judge)
    defer { remove(id) }
    let cookie = try table.cookie(for: id)
    let steps = try nest.run(cookie)
    let flow = nest.flow()
    let record = try table.agent(id)
    return gates.reports.map { attached in
      let found = Self.judge(attached.gate, steps, flow, record)
      let reasons = [attached.reason] + found
      let text = reasons.filter { !$0.isEmpty }.joined(separator: "; ")
      return GateReport(gate: attached.gate, enforced: text.isEmpty, reason: text)
    }
  }

  /// The kernel counts a task until its last reference is gone, a moment after it was waited for. What is not
  /// gone in time is left to ``AgentTable/sweep(linger:)``.
  private func remove(_ id: UInt64) {
    for _ in 0..<100 {
      if (try? table.remove(id)) != nil { return }
      usleep(20_000)
    }
  }

  private static func judge(
    _ gate: Gate, _ steps: canary_steps, _ flow: CanaryNest.Flow, _ record: AgentRecord?
  ) -> [String] {
    guard steps.registered == EINPROGRESS else {
      return ["the canary could not become an agent (\(word(steps.registered)))"]
    }
    guard steps.finished == 0, let record else { return ["the canary did not finish"] }
    var faults: [String] = []
    func expect(_ step: Int32, _ wanted: Int32, _ what: String) {
      if step != wanted { faults.append("\(what) got \(word(step)) instead of \(word(wanted))") }
    }
    switch gate {
    case .identity:
      expect(steps.again, EPERM, "a second registration")
    case .exec:
      expect(steps.exec, EACCES, "a child's exec of /bin/sh")
    case .network:
      expect(steps.allowed, 0, "an allowed connect")
      expect(steps.connect, EPERM, "a connect outside of the windows")
      expect(steps.datagram, EPERM, "a datagram outside of the windows")
      expect(steps.before, 0, "a send before the slam")
      expect(steps.after, EPERM, "a send after the slam")
    case .file:
      expect(steps.write, EPERM, "an open for writing")
      expect(steps.decoy, 0, "the open of the decoy")
      if !record.state.contains(.slammed) { faults.append("the decoy did not slam") }
    case .egress:
      if flow.bytes != 1 {
        faults.append("\(flow.bytes) bytes arrived on the allowed connection, not 1")
      }
      if flow.ended { faults.append("a packet of the kernel left after the slam") }
      if record.denials[.egress, default: 0] == 0 {
        faults.append("no packet was dropped after the slam")
      }
    case .guard:
      expect(steps.bpf, EPERM, "bpf()")
      expect(steps.signal, EPERM, "a signal to the daemon")
    }
    return faults
  }

  private static func word(_ error: Int32) -> String {
    switch error {
    case -1: "nothing"
    case 0: "yes"
    case EINPROGRESS: "EINPROGRESS"
    case EINVAL: "EINVAL"
    case EPERM: "EPERM"
    case EACCES: "EACCES"
    default: String(cString: strerror(error))
    }
  }
}
