internal import FleetIdentity
internal import Synchronization

/// Keeps ``Admitted`` as the store has it, and ends the calls of whoever is no longer in it.
struct Admission: Sendable {
  let store: Store
  let admitted: Admitted
  let calls: LiveCalls

  /// Reads anew who may make calls: after this coordinator changed it, and when the feed says that another one did.
  func load() async throws {
    let (revision, certificates) = try await store.read { store in
      (try store.revisions()[.admission] ?? 0, try store.admittedCertificates())
    }
    admitted.replace(with: certificates, revision: revision)
    calls.end(.banned) { !admitted.contains($0) }
  }

  /// Ends the calls of a node that is banned, and refuses its next ones.
  func end(_ node: String) {
    admitted.ban(node)
    calls.end(node: node)
  }
}
