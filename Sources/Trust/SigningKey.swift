internal import Crypto
public import FoundationEssentials
public import TelosCore

/// An Ed25519 private key. Its file is PKCS #8 in PEM with mode 0600, as `openssl genpkey -algorithm ed25519` writes it.
public struct SigningKey: Sendable {
  private let key: Curve25519.Signing.PrivateKey
  public let publicKey: PublicKey

  /// Makes a new key.
  public init() {
    // A key just made has a public key of the right form.
    while true {
      let key = Curve25519.Signing.PrivateKey()
      if let publicKey = PublicKey(raw: key.publicKey.rawRepresentation) {
        self.key = key
        self.publicKey = publicKey
        return
      }
    }
  }

  /// Takes the 32 bytes of RFC 8032's private key; nil for any other count.
  public init?(seed: some Sequence<UInt8>) {
    guard let key = try? Curve25519.Signing.PrivateKey(rawRepresentation: Data(seed)),
      let publicKey = PublicKey(raw: key.publicKey.rawRepresentation)
    else { return nil }
    self.key = key
    self.publicKey = publicKey
  }

  /// Reads a `.key` file; `forbidden` if others than its owner may use it.
  public init(contentsOf path: String) throws(TelosError) {
    let text = String(decoding: try SecretFile.read(path), as: UTF8.self)
    guard let seed = KeyPEM.privateKey.decode(text), let key = SigningKey(seed: seed) else {
      throw TelosError(
        .invalidArgument, "\(path) is not an Ed25519 private key in PEM",
        hint: "make a pair with: telos key new --out NAME")
    }
    self = key
  }

  /// Writes `NAME.key` (0600) and `NAME.pub`; never over an existing private key.
  public func write(to name: String) throws(TelosError) {
    if let present = FileStatus("\(name).pub", followingLinks: false), present.kind != .file {
      throw TelosError(
        .conflict, "\(name).pub exists and is not a regular file",
        hint: "choose another name, or move it away")
    }
    try SecretFile.write(Array(pem.utf8), to: "\(name).key")
    try DurableFile.write(Array(publicKey.pem.utf8), to: "\(name).pub")
  }

  /// The secret itself, for a file of mode 0600.
  public var pem: String { KeyPEM.privateKey.encode(key.rawRepresentation) }

  /// 64 bytes. Throws only if the crypto library fails.
  public func sign(_ bytes: Data) throws(TelosError) -> Data {
    do {
      return try key.signature(for: bytes)
    } catch {
      throw TelosError(.internalError, "cannot sign: \(error)")
    }
  }
}
