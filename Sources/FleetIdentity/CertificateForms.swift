internal import SwiftASN1
public import TelosCore
public import X509

extension Certificate {
  public var der: [UInt8] {
    var serializer = DER.Serializer()
    // Serialising what was parsed or signed before writes the bytes that it keeps.
    guard (try? serializer.serialize(self)) != nil else { return [] }
    return serializer.serializedBytes
  }

  public var pem: String {
    PEMDocument(type: Certificate.defaultPEMDiscriminator, derBytes: der).pemString
  }

  /// SHA-256 of the DER: what a join token pins.
  public var digest: Digest { Digest(of: der) }

  /// Reads certificates as they come over the wire.
  public static func fleet(der: [[UInt8]]) throws(TelosError) -> [Certificate] {
    do {
      return try der.map { try Certificate(derEncoded: $0) }
    } catch {
      throw TelosError(.invalidArgument, "a certificate cannot be read")
    }
  }

  /// Reads certificates in PEM, as the `authorities` of a root hold them.
  public static func fleet(pem: [String]) throws(TelosError) -> [Certificate] {
    do {
      return try pem.flatMap { try PEMDocument.parseMultiple(pemString: $0) }
        .map { try Certificate(pemDocument: $0) }
    } catch {
      throw TelosError(.invalidArgument, "a certificate cannot be read")
    }
  }
}
