internal import TelosCore

/// One record of a node's log as both HTTP APIs show it. Everything but the kind may be absent.
struct Event: Codable, Sendable {
  struct File: Codable, Sendable {
    /// Escaped where `pathBytes` is there.
    var path: String?
    var inode: UInt64?
    var device: UInt32?
    var generation: UInt32?
    /// The path itself in base64, where it is not UTF-8.
    var pathBytes: String?
  }
  struct Process: Codable, Sendable {
    var pid: UInt32?
    var command: String?

    var text: String { "\(command ?? "?")(\(pid.map(String.init) ?? "?"))" }
  }

  /// A slam that another one came from.
  struct Origin: Codable, Sendable {
    var agent: String?
    var sequence: UInt64?
    var at: String?
    var reason: String?
    var file: File?
    var destination: Destination?
  }

  var kind: String
  var node: String?
  /// Of the node's log.
  var epoch: UInt64?
  var sequence: UInt64?
  var at: String?
  var agent: String?
  var intent: String?
  var intentVersion: UInt64?
  var intentDigest: String?
  var gate: String?
  var hook: String?
  var reason: String?
  var error: Int?
  var file: File?
  var destination: Destination?
  var lineage: [Process]?
  var state: String?
  var linkedSequence: UInt64?
  var uid: UInt32?
  var detail: String?
  var count: UInt64?
  var canary: Bool?
  /// Nanoseconds of the node's boot clock; 0 or nil when it did not come from the kernel.
  var bootNs: UInt64?
  var kernelSequence: UInt64?
  /// Of a slam by another agent's data: the slam that it came from, then that one's own origins.
  var origins: [Origin]?

  /// Nil for one that only a newer build knows.
  var eventKind: EventKind? { EventKind(rawValue: kind) }

  /// What it is about: a file, a destination, or the words that the node had for it.
  var object: String {
    if let text = destination?.text { return text }
    if let path = file?.path, !path.isEmpty { return path }
    return detail ?? ""
  }

  /// Why, for the last column of a listing.
  var why: String {
    var parts: [String] = []
    if let reason, !reason.isEmpty, reason != "none" { parts.append(Reason.words(reason)) }
    if let detail, !detail.isEmpty, detail != object { parts.append(detail) }
    return parts.joined(separator: "; ")
  }
}

/// Where something wanted to go. Read from an object or from the text `address:port/protocol`.
struct Destination: Codable, Sendable, Hashable {
  var address: String
  var port: UInt32?
  var `protocol`: String?
  /// How often it was refused, where the coordinator counts.
  var count: UInt64?

  /// nil for an address that is empty: the event has no destination.
  var text: String? {
    guard !address.isEmpty else { return nil }
    var text = address
    if let port, port > 0 {
      text = (address.contains(":") ? "[\(address)]" : address) + ":\(port)"
    }
    if let name = `protocol`, !name.isEmpty { text += "/\(name)" }
    return text
  }

  private enum CodingKeys: String, CodingKey { case address, port, `protocol`, count }

  init(from decoder: any Decoder) throws {
    if let text = try? decoder.singleValueContainer().decode(String.self) {
      address = text
      return
    }
    let container = try decoder.container(keyedBy: CodingKeys.self)
    address = try container.decodeIfPresent(String.self, forKey: .address) ?? ""
    port = try container.decodeIfPresent(UInt32.self, forKey: .port)
    `protocol` = try container.decodeIfPresent(String.self, forKey: .protocol)
    count = try container.decodeIfPresent(UInt64.self, forKey: .count)
  }

  init(address: String, port: UInt32? = nil, protocol name: String? = nil, count: UInt64? = nil) {
    self.address = address
    self.port = port
    self.protocol = name
    self.count = count
  }
}
