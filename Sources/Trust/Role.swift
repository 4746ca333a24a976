public import FoundationEssentials
public import TelosCore

/// What a key may sign. The raw values are the keys of `roles` in a root.
public enum Role: String, Sendable, Codable, CaseIterable, Hashable {
  case root
  case intent
  case neverBlock = "never-block"
  case ipset
  case manifest
  case contain

  /// The coordinator holds the keys of online roles: they block and contain, and cannot grant.
  public var isOnline: Bool {
    switch self {
    case .ipset, .manifest, .contain: true
    case .root, .intent, .neverBlock: false
    }
  }

  /// The kind of object that the role signs.
  public var kind: ObjectKind {
    switch self {
    case .root: .root
    case .intent: .intent
    case .neverBlock: .neverBlock
    case .ipset: .ipset
    case .manifest: .manifest
    case .contain: .contain
    }
  }

  /// DSSE's payload type of the objects that the role signs.
  public var payloadType: String {
    "application/vnd.telos.\(rawValue)+\(self == .ipset ? "protobuf" : "json")"
  }

  /// The largest payload that is looked at, in bytes.
  public var maximumPayload: Int {
    switch self {
    case .root: 256 << 10
    case .intent: 1 << 20
    default: Envelope.maximumBytes
    }
  }

  /// How far in the future what an online key signs may expire, in seconds; nil for what people sign, who choose. Whoever has
  /// stolen such a key makes nothing that outlasts this.
  public var longestLife: TimeInterval? {
    switch self {
    case .manifest: 2 * 86_400
    case .ipset: 60 * 86_400
    case .contain: 7 * 86_400
    case .root, .intent, .neverBlock: nil
    }
  }

  /// The role that signs objects of `kind`.
  public init(_ kind: ObjectKind) {
    switch kind {
    case .root: self = .root
    case .intent: self = .intent
    case .neverBlock: self = .neverBlock
    case .ipset: self = .ipset
    case .manifest: self = .manifest
    case .contain: self = .contain
    }
  }

  /// The role whose payload type is `payloadType`; nil for an unknown one.
  public init?(payloadType: String) {
    guard let role = Role.allCases.first(where: { $0.payloadType == payloadType }) else {
      return nil
    }
    self = role
  }
}
