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
    let source = try CredentialSource(try Self.read(path))
    return loaded.withLock {
      $0 = $0 ?? source
      return $0 ?? source
    }
  }

  /// When the certificate ends; throws why it cannot be read.
  func expires() throws -> Date { try source().credential.leaf.notValidAfter }

  /// Keeps it on disk, with a twin.
  static func write(_ credential: Credential, to path: String) throws(TelosError) {
    try TwinFile.write(credential.pem, to: path)
  }

  /// What the twin says, unless that is not whole, or an earlier version of Telos, which wrote no twin, has renewed the
  /// certificate since.
  ///
  /// - Throws: `forbidden` if others than the owner may use one of the two files.
  static func read(_ path: String) throws(TelosError) -> Credential {
    let twin = try twin(of: path)
    do throws(TelosError) {
      let file = try Credential(contentsOf: path)
      guard let twin else { return file }
      let isNewer =
        file.key.pem != twin.key.pem && file.leaf.notValidBefore > twin.leaf.notValidBefore
      return isNewer ? file : twin
    } catch {
      guard let twin, error.code != .forbidden else { throw error }
      return twin
    }
  }

  private static func twin(of path: String) throws(TelosError) -> Credential? {
    let twin = TwinFile.twin(of: path)
    do throws(TelosError) { _ = try SecretFile.read(twin) } catch {
      if error.code == .forbidden { throw error }
      return nil
    }
    return TwinFile.kept(path, limit: 1 << 16).flatMap { try? Credential(pem: $0, of: twin) }
  }
}
