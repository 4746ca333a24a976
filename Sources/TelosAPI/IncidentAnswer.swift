/// An incident in a listing or, with its chain of events, by itself.
public struct IncidentAnswer: Codable, Sendable, Hashable {
  /// 12 hexadecimal digits.
  public var id: String
  public var node: String
  /// Empty for an incident of the node itself.
  public var agent: String
  public var intent: String
  /// open or closed
  public var state: String
  /// notice, warning or critical
  public var severity: String
  public var summary: String
  /// RFC 3339 with milliseconds, by the node's clock.
  public var firstAt: String
  public var lastAt: String
  /// Events that count: taints, slams, denials.
  public var events: UInt64

  // Only by itself.
  public var chain: [Event]?
  public var intentObject: ObjectName?
  public var file: Event.File?
  public var origins: [Event.Origin]?
  public var lineage: [Event.Process]?
  /// Distinct destinations refused since the slam.
  public var refused: [Event.Destination]?

  public init(
    id: String, node: String, agent: String, intent: String, state: String, severity: String,
    summary: String, firstAt: String, lastAt: String, events: UInt64
  ) {
    self.id = id
    self.node = node
    self.agent = agent
    self.intent = intent
    self.state = state
    self.severity = severity
    self.summary = summary
    self.firstAt = firstAt
    self.lastAt = lastAt
    self.events = events
  }
}

/// Some of the incidents, the newest first.
public struct IncidentPage: Codable, Sendable, Hashable {
  public var incidents: [IncidentAnswer]
  /// Given as `after`, it asks for the page behind this one, of older ones; nil on the last.
  public var next: String?

  public init(incidents: [IncidentAnswer], next: String?) {
    self.incidents = incidents
    self.next = next
  }
}
