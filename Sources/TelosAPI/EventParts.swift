extension Event {
  public struct File: Codable, Sendable, Hashable {
    /// Escaped where `pathBytes` is there.
    public var path: String
    public var inode: UInt64 = 0
    public var device: UInt32 = 0
    public var generation: UInt32 = 0
    /// The path itself in base64, where it is not UTF-8.
    public var pathBytes: String?

    public init(
      path: String, inode: UInt64 = 0, device: UInt32 = 0, generation: UInt32 = 0,
      pathBytes: String? = nil
    ) {
      self.path = path
      self.inode = inode
      self.device = device
      self.generation = generation
      self.pathBytes = pathBytes
    }

    public init(from decoder: any Decoder) throws {
      let fields = try decoder.container(keyedBy: CodingKeys.self)
      self.init(path: "")
      try fields.read(.path, into: &path)
      try fields.read(.inode, into: &inode)
      try fields.read(.device, into: &device)
      try fields.read(.generation, into: &generation)
      pathBytes = try fields.decodeIfPresent(String.self, forKey: .pathBytes)
    }
  }

  /// Where something wanted to go.
  public struct Destination: Codable, Sendable, Hashable {
    /// Empty where there is none.
    public var address: String
    /// 0 for none.
    public var port: UInt32 = 0
    /// `tcp`, `udp`; empty where it is not known.
    public var `protocol` = ""

    public init(address: String, port: UInt32 = 0, protocol name: String = "") {
      self.address = address
      self.port = port
      self.protocol = name
    }

    public init(from decoder: any Decoder) throws {
      let fields = try decoder.container(keyedBy: CodingKeys.self)
      self.init(address: "")
      try fields.read(.address, into: &address)
      try fields.read(.port, into: &port)
      try fields.read(.protocol, into: &`protocol`)
    }
  }

  public struct Process: Codable, Sendable, Hashable {
    public var pid: UInt32
    public var command: String

    public init(pid: UInt32, command: String) {
      self.pid = pid
      self.command = command
    }
  }

  /// A slam that another one came from.
  public struct Origin: Codable, Sendable, Hashable {
    /// Empty where the node's log no longer has it.
    public var agent: String
    /// Of that slam in the node's log.
    public var sequence: UInt64
    /// RFC 3339 with milliseconds; nil where it is not known.
    public var at: String?
    /// file, address or domain
    public var reason: String
    public var file: File?
    public var destination: Destination?

    public init(
      agent: String, sequence: UInt64, at: String?, reason: String, file: File?,
      destination: Destination?
    ) {
      self.agent = agent
      self.sequence = sequence
      self.at = at
      self.reason = reason
      self.file = file
      self.destination = destination
    }
  }
}

/// A page of events, the oldest first.
public struct EventPage: Codable, Sendable, Hashable {
  public var events: [Event]
  /// The value of `after` for what comes next.
  public var next: String

  public init(events: [Event], next: String) {
    self.events = events
    self.next = next
  }

  /// The value of `after` for the place behind the newest event.
  public static let latest = "latest"
}

extension Event.Destination {
  /// `203.0.113.9:443/tcp`, `[2001:db8::1]:53`; nil where there is no address.
  public var text: String? {
    guard !address.isEmpty else { return nil }
    var text = address
    if port > 0 { text = (address.contains(":") ? "[\(address)]" : address) + ":\(port)" }
    return `protocol`.isEmpty ? text : "\(text)/\(`protocol`)"
  }
}
