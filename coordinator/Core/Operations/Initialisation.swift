internal import FleetCA
internal import FleetIdentity
internal import FoundationEssentials
public import TelosCore

/// What `telos-coordinator init` does: authority, server certificate, online keys, store, one operator's token.
public enum Initialisation {
  public struct Result: Sendable {
    /// Shown once; the file of mode 0600 has it too.
    public var adminToken: String
    public var adminTokenFile: String
    public var onlineFile: String
    /// SHA-256 of the authority's certificate.
    public var authority: Digest
  }

  /// - Parameter names: DNS names and addresses under which nodes and operators reach this coordinator.
  /// - Throws: `conflict` if the folder was initialised before; nothing is ever overwritten.
  ///
  /// A store in PostgreSQL may be there already, of another coordinator: this one joins it.
  public static func run(
    data: String, names: [String], store place: Configuration.Store = .sqlite(nil)
  ) async throws -> Result {
    let folder = DataFolder(path: data)
    try folder.make()
    let lock = try folder.lock()
    defer { withExtendedLifetime(lock) {} }
    let present = ["ca.key", "ca.pem", "server.pem", "admin.token", "coordinator.sqlite"]
      .filter { FileManager.default.fileExists(atPath: "\(data)/\($0)") }
    guard present.isEmpty else {
      throw TelosError(
        .conflict, "\(data) was initialised before: \(present.joined(separator: ", ")) exist",
        hint:
          "choose another folder; removing this one would strand every node that is enrolled with it"
      )
    }
    let ca = try CertificateAuthority()
    let server = try ca.issueServer(names: names)
    let keys = OnlineKeys()
    let token = BearerToken()
    // First, since it can fail, and what is written below is never written again.
    let (store, _) = try await folder.openStore(place, createIfMissing: true)
    try ca.write(folder: data)
    try keys.write(folder: data)
    try DurableFile.write(Array((names.joined(separator: "\n") + "\n").utf8), to: folder.names)
    try server.write(to: folder.server)
    try await store.transaction { store in
      try store.addToken(hash: token.hash, name: "admin", role: .operator, expires: nil, by: "init")
      try store.audit(AuditEntry(actor: "init", action: "coordinator.init", subject: "fleet"))
    }
    try store.close()
    try SecretFile.write(Array((token.text + "\n").utf8), to: folder.adminToken)
    try DurableFile.write(
      keys.publicDescription(authorities: [ca.certificate.pem]), to: folder.online)
    return Result(
      adminToken: token.text, adminTokenFile: folder.adminToken, onlineFile: folder.online,
      authority: ca.digest)
  }
}
