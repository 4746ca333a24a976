public import FoundationEssentials
public import X509

/// The other end of a connection, as its certificate says.
public struct Peer: Sendable, Hashable {
  public var identity: PeerIdentity
  public var serial: Certificate.SerialNumber
  public var notValidBefore: Date
  public var notValidAfter: Date

  /// Who makes the call that this task serves; bound by ``PeerInterceptor`` around handlers and response producers.
  @TaskLocal public static var current: Peer?

  /// The name of the node that makes this call; nil outside such a call.
  public static var currentNode: String? {
    if case .node(let name) = current?.identity { name } else { nil }
  }

  public init(
    identity: PeerIdentity, serial: Certificate.SerialNumber, notValidBefore: Date,
    notValidAfter: Date
  ) {
    self.identity = identity
    self.serial = serial
    self.notValidBefore = notValidBefore
    self.notValidAfter = notValidAfter
  }
}

/// Why a peer was not let in.
public struct PeerRefusal: Error, Sendable, Hashable, CustomStringConvertible {
  public enum Reason: String, Sendable, Hashable, CaseIterable {
    case noCertificate = "no-certificate"
    /// No chain to an authority of the fleet.
    case untrusted
    /// Lacks the extended key usage, as a server's certificate does when shown as a client's.
    case wrongUse = "wrong-use"
    /// Not the kind of identity that belongs at that end.
    case wrongIdentity = "wrong-identity"
    case expired
    case banned
  }

  public var reason: Reason
  /// For a log; one sentence without a final stop.
  public var detail: String
  /// Nil if the certificate could not be believed.
  public var peer: Peer?

  public var description: String { "\(reason.rawValue): \(detail)" }
}
