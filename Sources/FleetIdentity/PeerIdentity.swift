public import TelosCore
public import X509

/// Who a certificate is for: the SPIFFE ids of the trust domain `telos`.
public enum PeerIdentity: Sendable, Hashable, CustomStringConvertible {
  /// `spiffe://telos/node/NAME`
  case node(String)
  /// `spiffe://telos/coordinator`
  case coordinator

  /// Reads a SPIFFE id; throws `unauthenticated` for any but the two forms above.
  public init(spiffeID: String) throws(TelosError) {
    let prefix = "spiffe://telos/node/"
    if spiffeID == "spiffe://telos/coordinator" {
      self = .coordinator
    } else if spiffeID.hasPrefix(prefix), Self.isNodeName(String(spiffeID.dropFirst(prefix.count)))
    {
      self = .node(String(spiffeID.dropFirst(prefix.count)))
    } else {
      throw TelosError(
        .unauthenticated, "\"\(spiffeID.prefix(100))\" is not an identity of this fleet")
    }
  }

  /// Reads the one URI among the certificate's alternative names; the subject counts for nothing.
  public init(_ certificate: Certificate) throws(TelosError) {
    let names: SubjectAlternativeNames?
    do {
      names = try certificate.extensions.subjectAlternativeNames
    } catch {
      throw TelosError(.unauthenticated, "the certificate's alternative names cannot be read")
    }
    let uris = (names ?? SubjectAlternativeNames()).compactMap { name in
      if case .uniformResourceIdentifier(let uri) = name { uri } else { nil }
    }
    guard let uri = uris.first, uris.count == 1 else {
      throw TelosError(
        .unauthenticated, "the certificate has \(uris.count) URI names instead of one")
    }
    try self.init(spiffeID: uri)
  }

  public var spiffeID: String {
    switch self {
    case .node(let name): "spiffe://telos/node/\(name)"
    case .coordinator: "spiffe://telos/coordinator"
    }
  }

  public var description: String {
    switch self {
    case .node(let name): "node \(name)"
    case .coordinator: "coordinator"
    }
  }

  /// A node's name is 1 to 63 of `a-z 0-9 . _ -` and begins with a letter or digit.
  public static func isNodeName(_ name: String) -> Bool {
    let bytes = name.utf8
    guard (1...63).contains(bytes.count), let first = bytes.first else { return false }
    func isAlphanumeric(_ byte: UInt8) -> Bool {
      (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
        || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }
    return isAlphanumeric(first)
      && bytes.allSatisfy { isAlphanumeric($0) || ".-_".utf8.contains($0) }
  }
}
