internal import FoundationEssentials
internal import NIOSSL
internal import TelosCore

/// How to reach one coordinator: where, whom to trust, and the token.
struct Access: Sendable {
  /// Without a slash at its end.
  var coordinator: String
  var authorities: [NIOSSLCertificate]
  var token: String

  /// From the configuration; TELOS_COORDINATOR and TELOS_TOKEN_FILE come first.
  static func standard() throws(TelosError) -> Access {
    let folder = try ConfigurationFolder.standard()
    let configuration = try folder.read()
    return try Access(
      coordinator: Environment["TELOS_COORDINATOR"] ?? configuration.coordinator,
      authorityFile: folder.resolve(configuration.ca),
      tokenFile: Environment["TELOS_TOKEN_FILE"] ?? folder.resolve(configuration.tokenFile))
  }

  init(coordinator: String, authorityFile: String, tokenFile: String) throws(TelosError) {
    self.coordinator = try Self.address(coordinator)
    self.authorities = try Self.certificates(DurableFile.read(authorityFile, limit: 1 << 20))
    self.token = try Self.token(SecretFile.read(tokenFile, limit: 4096), from: tokenFile)
  }

  init(coordinator: String, authorities: [NIOSSLCertificate], token: String) {
    self.coordinator = coordinator
    self.authorities = authorities
    self.token = token
  }

  /// Checks a URL: https, a host, no path.
  static func address(_ text: String) throws(TelosError) -> String {
    let trimmed = text.hasSuffix("/") ? String(text.dropLast()) : text
    let scheme = "https://"
    guard trimmed.hasPrefix(scheme), trimmed.count > scheme.count,
      trimmed.dropFirst(scheme.count).allSatisfy({
        $0.isASCII && !$0.isWhitespace && !"/?#@".contains($0)
      })
    else {
      throw TelosError(
        .invalidArgument, "\(text) is not the address of a coordinator",
        hint: "write it as https://HOST:7445")
    }
    return trimmed
  }

  /// Reads PEM, or the `authorities` of an `online.json` or of a root's payload.
  static func certificates(_ bytes: [UInt8]) throws(TelosError) -> [NIOSSLCertificate] {
    do {
      let found = try NIOSSLCertificate.fromPEMBytes(try pem(bytes))
      if !found.isEmpty { return found }
    } catch let error as TelosError {
      throw error
    } catch {}
    throw TelosError(
      .invalidArgument, "the CA file does not contain a certificate",
      hint: "use ca.pem or online.json from the coordinator's data folder")
  }

  /// The PEM text in `bytes`, which may be JSON with `authorities`.
  static func pem(_ bytes: [UInt8]) throws(TelosError) -> [UInt8] {
    guard bytes.first(where: { $0 > 0x20 }) == UInt8(ascii: "{") else { return bytes }
    struct Online: Decodable { var authorities: [String] }
    let online = try JSONInput.decode(Online.self, from: bytes, what: "the CA file")
    return Array(online.authorities.joined(separator: "\n").utf8)
  }

  /// One line of visible ASCII.
  static func token(_ bytes: [UInt8], from file: String) throws(TelosError) -> String {
    let text = String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isWhitespace)
    guard text.count == 1, let token = text.first,
      token.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f })
    else {
      throw TelosError(.invalidArgument, "\(file) does not hold exactly one token")
    }
    return String(token)
  }
}
