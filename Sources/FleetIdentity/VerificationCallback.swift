public import NIOCore
public import NIOSSL
internal import SwiftASN1
internal import X509

/// The form in which gRPC's TLS settings want to have certificates verified. It replaces all other verification.
public typealias VerificationCallback =
  @Sendable (
    _ presented: [NIOSSLCertificate],
    _ promise: EventLoopPromise<NIOSSLVerificationResultWithMetadata>
  ) -> Void

extension PeerRules {
  /// A callback by these rules; it is not called for resumed TLS sessions.
  func callback(onRefusal: @escaping @Sendable (PeerRefusal) -> Void) -> VerificationCallback {
    { presented, promise in
      promise.completeWithTask {
        switch await verify(presented) {
        case .success(let chain):
          do {
            let certificates = try chain.map {
              try NIOSSLCertificate(bytes: $0.serializeAsPEM().derBytes, format: .der)
            }
            return .certificateVerified(
              VerificationMetadata(NIOSSL.ValidatedCertificateChain(certificates)))
          } catch {
            return .failed
          }
        case .failure(let refusal):
          onRefusal(refusal)
          return .failed
        }
      }
    }
  }
}
