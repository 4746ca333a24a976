public import FoundationEssentials
public import GRPCNIOTransportHTTP2Posix
public import TelosCore
public import X509

/// How a node knows that it talks to its coordinator: by the URI name `spiffe://telos/coordinator` in a server certificate
/// under the fleet's authority. Host names and addresses count for nothing.
///
/// For targets that are IP addresses set `config.http2.authority` to any name: TLS has no server name for an address.
public struct CoordinatorVerification: Sendable {
  let rules: PeerRules
  let onRefusal: @Sendable (PeerRefusal) -> Void

  /// For an enrolled node. The authorities are asked at each handshake.
  public init(
    authorities: @escaping @Sendable () -> [Certificate],
    now: @escaping @Sendable () -> Date = { Date() },
    onRefusal: @escaping @Sendable (PeerRefusal) -> Void = { _ in }
  ) {
    self.init(.these(authorities), now, onRefusal)
  }

  /// For enrolment, where only the digest of the authority's DER is known, from the join token: the coordinator shows the
  /// authority's certificate in its chain, and no other is believed.
  public init(
    pinnedTo digest: Digest,
    now: @escaping @Sendable () -> Date = { Date() },
    onRefusal: @escaping @Sendable (PeerRefusal) -> Void = { _ in }
  ) {
    self.init(.digest(digest), now, onRefusal)
  }

  private init(
    _ authorities: PeerRules.Authorities, _ now: @escaping @Sendable () -> Date,
    _ onRefusal: @escaping @Sendable (PeerRefusal) -> Void
  ) {
    rules = PeerRules(
      authorities: authorities, usage: .serverAuth, accepts: { $0 == .coordinator },
      isBanned: { _ in false }, now: now)
    self.onRefusal = onRefusal
  }

  /// For `TransportSecurity.mTLS(…)` of an enrolled node and `TransportSecurity.tls(…)` at enrolment.
  public func configure(_ tls: inout HTTP2ClientTransport.Posix.TransportSecurity.TLS) {
    // Any but `doNotVerify`, or the callback would not be asked; full verification would look at the host name.
    tls.serverCertificateVerification = .noHostnameVerification
    tls.trustRoots = .certificates([])
    tls.customVerificationCallback = callback
  }

  /// The callback by itself, for clients that are not gRPC.
  public var callback: VerificationCallback { rules.callback(onRefusal: onRefusal) }
}
