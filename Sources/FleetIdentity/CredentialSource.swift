public import NIOCertificateReloading
public import NIOSSL
internal import Synchronization

/// The credential that new TLS handshakes show; replacing it leaves open connections as they are.
///
/// For `TransportSecurity.mTLS(certificateReloader:)` of both ends, and `.tls(certificateReloader:)`.
public final class CredentialSource: CertificateReloader, Sendable {
  private struct State {
    var credential: Credential
    var override: NIOSSLContextConfigurationOverride
  }
  private let state: Mutex<State>

  /// Throws whatever the TLS library has against key or certificates.
  public init(_ credential: Credential) throws {
    state = Mutex(State(credential: credential, override: try Self.override(credential)))
  }

  public var credential: Credential { state.withLock { $0.credential } }

  /// Shows another credential from the next handshake on.
  public func replace(with credential: Credential) throws {
    let override = try Self.override(credential)
    state.withLock { $0 = State(credential: credential, override: override) }
  }

  public var sslContextConfigurationOverride: NIOSSLContextConfigurationOverride {
    state.withLock { $0.override }
  }

  private static func override(_ credential: Credential) throws
    -> NIOSSLContextConfigurationOverride
  {
    var override = NIOSSLContextConfigurationOverride()
    override.certificateChain = try credential.chain.map {
      .certificate(try NIOSSLCertificate(bytes: $0.der, format: .der))
    }
    override.privateKey = .privateKey(
      try NIOSSLPrivateKey(bytes: Array(credential.key.pem.utf8), format: .pem))
    return override
  }
}
