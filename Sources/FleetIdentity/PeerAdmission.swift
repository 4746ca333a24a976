public import FoundationEssentials
internal import GRPCCore
public import GRPCNIOTransportHTTP2Posix
public import X509

/// Whom a coordinator's sync port lets in: nodes with a certificate of the fleet that are not banned.
///
/// The same value serves the TLS handshake (``configure(_:)``) and every call (``PeerInterceptor``): a resumed TLS session
/// skips the first, so the second asks everything again.
public struct PeerAdmission: Sendable {
  let rules: PeerRules
  let onRefusal: @Sendable (PeerRefusal) -> Void

  /// - Parameters:
  ///   - authorities: the certificates that issue to nodes; asked at each use, so that they can be rotated.
  ///   - isBanned: asked at each handshake and call; must be quick and must not block.
  ///   - now: the clock.
  ///   - onRefusal: told of everybody who was turned away, for log and metrics.
  public init(
    authorities: @escaping @Sendable () -> [Certificate],
    isBanned: @escaping @Sendable (Peer) -> Bool,
    now: @escaping @Sendable () -> Date = { Date() },
    onRefusal: @escaping @Sendable (PeerRefusal) -> Void = { _ in }
  ) {
    rules = PeerRules(
      authorities: .these(authorities), usage: .clientAuth,
      accepts: { if case .node = $0 { true } else { false } }, isBanned: isBanned, now: now)
    self.onRefusal = onRefusal
  }

  /// For `TransportSecurity.mTLS(certificateReloader:)` or `.mTLS(certificateChain:privateKey:)`.
  public func configure(_ tls: inout HTTP2ServerTransport.Posix.TransportSecurity.TLS) {
    tls.requireALPN = true
    tls.clientCertificateVerification = .noHostnameVerification
    tls.trustRoots = .certificates([])
    tls.customVerificationCallback = callback
  }

  /// The callback by itself, for servers that are not gRPC.
  public var callback: VerificationCallback { rules.callback(onRefusal: onRefusal) }

  /// Judges the certificate of a call. Throws whatever the reason to turn it away, after telling `onRefusal`.
  func admit(_ context: ServerContext) throws(PeerRefusal) -> Peer {
    do throws(PeerRefusal) {
      let posix = context.transportSpecific as? HTTP2ServerTransport.Posix.Context
      guard let certificate = posix?.peerCertificate else {
        throw PeerRefusal(reason: .noCertificate, detail: "the call has no client certificate")
      }
      return try rules.judgeAgain(certificate)
    } catch {
      onRefusal(error)
      throw error
    }
  }
}
