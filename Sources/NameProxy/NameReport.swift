/// Something about a name that people, or the fleet, should hear of.
public struct NameReport: Sendable, Hashable {
  public enum Reason: String, Sendable, CaseIterable {
    /// The intent does not have the name.
    case notAllowed = "not-allowed"
    /// Too much was said by names below one wildcard.
    case carrier
    /// The verdict on the name forbids it below a wildcard.
    case verdict
    /// The answer held addresses that the rule does not admit.
    case closedAddress = "closed-address"
    /// The kernel, or the agent's share of it, has no room for another window.
    case noRoom = "no-room"
    /// The agent asks faster than it may; questions were dropped.
    case tooMany = "too-many"
  }

  public var agent: UInt64
  /// In lower case; empty where the reason is about no single name.
  public var name: String
  public var reason: Reason
  /// What else there is to say, in words; empty for nothing.
  public var detail: String
  /// How often, since the last report of the same.
  public var count: Int

  public init(
    agent: UInt64, name: String, reason: Reason, detail: String = "", count: Int = 1
  ) {
    (self.agent, self.name, self.reason, self.detail) = (agent, name, reason, detail)
    self.count = count
  }
}

/// Reports of one second, put together: an agent that asks in a loop fills no log.
struct ReportBuffer {
  private struct Key: Hashable {
    var agent: UInt64
    var name: String
    var reason: NameReport.Reason
  }

  /// Names that one agent is reported for within a second; the rest of them is counted under an empty name.
  static let mostNames = 64

  private var reports: [Key: NameReport] = [:]
  private var names: [UInt64: Int] = [:]

  mutating func add(_ report: NameReport) {
    var report = report
    var key = Key(agent: report.agent, name: report.name, reason: report.reason)
    if reports[key] == nil {
      if names[report.agent, default: 0] >= Self.mostNames {
        (report.name, report.detail) = ("", "")
        key.name = ""
      } else {
        names[report.agent, default: 0] += 1
      }
    }
    if let known = reports[key] { report.count += known.count }
    reports[key] = report
  }

  mutating func take() -> [NameReport] {
    defer { (reports, names) = ([:], [:]) }
    return reports.values.sorted { ($0.agent, $0.name) < ($1.agent, $1.name) }
  }
}
