public import TelosCore

/// Names a public key: SHA-256 of its 32 raw bytes, lower-case hex as text.
public struct KeyID: Sendable, Hashable, CustomStringConvertible {
  public let digest: Digest

  public init(_ digest: Digest) { self.digest = digest }

  /// Reads 64 lower-case hexadecimal digits; nil for anything else.
  public init?(_ text: String) {
    guard let digest = Digest(hex: text), digest.description == text else { return nil }
    self.digest = digest
  }

  public var description: String { digest.description }
}
