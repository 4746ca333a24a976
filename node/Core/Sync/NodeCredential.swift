internal import FleetIdentity
internal import FoundationEssentials
internal import Synchronization
internal import TelosCore
internal import X509

/// The certificate and key that the node shows its coordinators. Read when it is first needed, and again as long as it cannot
/// be: nothing but the way to the coordinators depends on it.
final class NodeCredential: Sendable {
  let path: String
  private let loaded = Mutex<CredentialSource?>(nil)

  init(_ path: String) { self.path = path }

  func source() throws -> CredentialSource {
    if let source = loaded.withLock({ $0 }) { return source }
    let source = try CredentialSource(try Credential(contentsOf: path))
    return loaded.withLock {
      $0 = $0 ?? source
      return $0 ?? source
    }
  }

  /// When the certificate ends; throws why it cannot be read.
  func expires() throws -> Date { try source().credential.leaf.notValidAfter }
}
