public import TelosCore

/// One record of a node's log: the names of `telos.fleet.v1.Event` in lowerCamelCase, digests in hexadecimal.
///
/// Numbers are 0 and texts empty where the record has none. Everything but the kind may be absent from JSON, since events are kept
/// in files and were written by older builds.
public struct Event: Codable, Sendable, Hashable {
  public var node = ""
  /// Of the node's log.
  public var epoch: UInt64 = 0
  public var sequence: UInt64 = 0
  /// RFC 3339 with milliseconds.
  public var at = ""
  /// Nanoseconds of the node's boot clock; 0 when it did not come from the kernel.
  public var bootNs: UInt64 = 0
  public var kind: String
  /// 16 hexadecimal digits; empty for events of the node.
  public var agent: String
  public var intent = ""
  public var intentVersion: UInt64 = 0
  public var intentDigest = ""
  public var gate = ""
  public var hook = ""
  public var reason = ""
  /// The errno that the agent saw, negative as the kernel has it; 0 for none.
  public var error: Int32 = 0
  public var file: File?
  public var destination: Destination?
  public var lineage: [Process] = []
  public var state = ""
  /// The sequence of the slam that a later refusal belongs to, or that this one came from.
  public var linkedSequence: UInt64 = 0
  public var uid: UInt32 = 0
  public var detail = ""
  /// How many alike are counted in this one.
  public var count: UInt64 = 1
  public var canary = false
  public var previousHash = ""
  public var kernelSequence: UInt64 = 0
  public var kernelLinked: UInt64 = 0
  public var domain: UInt32 = 0
  /// Of a slam by another agent's data: the slam that it came from, then that one's own origins.
  public var origins: [Origin] = []

  public init(kind: String, agent: String = "") {
    self.kind = kind
    self.agent = agent
  }

  /// Nil for one that only a newer build knows.
  public var eventKind: EventKind? { EventKind(rawValue: kind) }

  public init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: CodingKeys.self)
    self.init(kind: try fields.decode(String.self, forKey: .kind))
    try fields.read(.node, into: &node)
    try fields.read(.epoch, into: &epoch)
    try fields.read(.sequence, into: &sequence)
    try fields.read(.at, into: &at)
    try fields.read(.bootNs, into: &bootNs)
    try fields.read(.agent, into: &agent)
    try fields.read(.intent, into: &intent)
    try fields.read(.intentVersion, into: &intentVersion)
    try fields.read(.intentDigest, into: &intentDigest)
    try fields.read(.gate, into: &gate)
    try fields.read(.hook, into: &hook)
    try fields.read(.reason, into: &reason)
    try fields.read(.error, into: &error)
    file = try fields.decodeIfPresent(File.self, forKey: .file)
    destination = try fields.decodeIfPresent(Destination.self, forKey: .destination)
    try fields.read(.lineage, into: &lineage)
    try fields.read(.state, into: &state)
    try fields.read(.linkedSequence, into: &linkedSequence)
    try fields.read(.uid, into: &uid)
    try fields.read(.detail, into: &detail)
    try fields.read(.count, into: &count)
    try fields.read(.canary, into: &canary)
    try fields.read(.previousHash, into: &previousHash)
    try fields.read(.kernelSequence, into: &kernelSequence)
    try fields.read(.kernelLinked, into: &kernelLinked)
    try fields.read(.domain, into: &domain)
    try fields.read(.origins, into: &origins)
  }
}

extension KeyedDecodingContainer {
  /// Leaves `value` as it is where the key is absent.
  func read<Value: Decodable>(_ key: Key, into value: inout Value) throws {
    if let found = try decodeIfPresent(Value.self, forKey: key) { value = found }
  }
}
