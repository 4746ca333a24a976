internal import AddressSets
internal import FoundationEssentials
internal import Kernel
internal import TelosAPI
internal import TelosCore

/// What an agent, and an operator, may know of agents.
struct AgentReports: Sendable {
  var table: AgentTable
  var registry: AgentRegistry

  func report(of id: UInt64) throws(TelosError) -> SelfReport {
    guard let record = try table.agent(id), let entry = registry[id] else {
      throw TelosError(.notFound, "there is no agent \(AgentLaunch.name(id)) on this node")
    }
    return SelfReport(
      agent: AgentLaunch.name(id), intent: .init(entry.launch.intent),
      expires: Self.time(Self.expires(entry.launch, record)), state: record.state.name,
      windows: try table.windows(of: id).map { .init($0) }, denials: entry.denials)
  }

  func agents() throws(TelosError) -> [AgentReport] {
    try table.agents().compactMap { record in
      guard !record.isCanary, let launch = registry[record.id]?.launch else { return nil }
      return AgentReport(
        id: AgentLaunch.name(record.id), intent: .init(launch.intent), state: record.state.name,
        tasks: record.tasks, started: Self.time(launch.started), uid: record.uid,
        executable: launch.executable)
    }
  }

  /// In milliseconds since 1970. A place's agent has its time from the first entry on.
  private static func expires(_ launch: AgentLaunch, _ record: AgentRecord) -> UInt64 {
    guard launch.expires == 0, record.expires != 0 else { return launch.expires }
    let left = Int64(record.expires / 1_000_000) - Int64(BootClock.now / 1_000_000)
    return UInt64(clamping: Int64(Machine.unixMilliseconds) + left)
  }

  private static func time(_ milliseconds: UInt64) -> String {
    Date(timeIntervalSince1970: Double(milliseconds / 1000)).rfc3339
  }
}

extension SelfReport.IntentName {
  init(_ object: ObjectVersion) {
    self.init(
      name: object.name, version: object.version, digest: object.digest.description)
  }
}

extension SelfReport.Window {
  init(_ rule: WindowRule) {
    self.init(
      destination: "\(rule.prefix)",
      ports: rule.ports.map { $0.first == $0.last ? "\($0.first)" : "\($0.first)-\($0.last)" },
      protocols: (rule.ports.contains(where: \.tcp) ? ["tcp"] : [])
        + (rule.ports.contains(where: \.udp) ? ["udp"] : []),
      whileTainted: rule.ports.contains(where: \.whileTainted))
  }
}
