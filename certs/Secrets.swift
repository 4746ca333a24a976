public import FoundationEssentials
public import TelosCore

/// A bearer token of the HTTP API: shown once, kept by its holder, stored at the coordinator as a hash only.
public struct BearerToken: Sendable {
  /// `telos_` and 64 hexadecimal digits: 32 random bytes.
  public let text: String

  public init() { text = "telos_" + OneTimeSecret.random().hex }

  /// What the coordinator stores and looks up. A plain hash is enough: the token is random, not a password.
  public var hash: Digest { Self.hash(text) }

  /// The hash of whatever a caller presented, white space at its ends left out.
  public static func hash(_ presented: some StringProtocol) -> Digest {
    let text = presented.drop(while: \.isWhitespace)
    let end = text.lastIndex { !$0.isWhitespace }.map { text.index(after: $0) } ?? text.startIndex
    return Digest(of: Data(String(text[..<end]).utf8))
  }
}

/// The secret of a join token.
public enum OneTimeSecret {
  /// 32 bytes of the system's generator.
  public static func random() -> [UInt8] {
    var generator = SystemRandomNumberGenerator()
    return (0..<32).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
  }

  /// What the coordinator stores of it.
  public static func hash(_ secret: some DataProtocol) -> Digest { Digest(of: secret) }
}
