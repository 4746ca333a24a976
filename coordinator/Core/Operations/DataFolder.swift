internal import FoundationEssentials
internal import Glibc
internal import Operations
internal import TelosCore

/// The files of a coordinator, all in one folder of mode 0700.
struct DataFolder: Sendable {
  let path: String

  var store: String { "\(path)/coordinator.sqlite" }
  var server: String { "\(path)/server.pem" }
  var adminToken: String { "\(path)/admin.token" }
  var online: String { "\(path)/online.json" }
  /// Names and addresses of the server certificate, one a line.
  var names: String { "\(path)/names" }

  /// The store that the configuration means, with its path.
  func place(of store: Configuration.Store) -> Configuration.Store {
    if case .sqlite(nil) = store { .sqlite(self.store) } else { store }
  }

  /// Opens the store that the configuration means.
  func openStore(_ store: Configuration.Store, createIfMissing: Bool) async throws -> (
    Store, Store.Opening
  ) {
    try await Store.open(place(of: store), createIfMissing: createIfMissing)
  }

  /// Makes the folder if it is not there. Root may make one that belongs to the daemon's user.
  func make() throws(TelosError) {
    do {
      try FileManager.default.createDirectory(
        atPath: path, withIntermediateDirectories: true,
        attributes: [.posixPermissions: 0o700])
    } catch {
      throw TelosError(.forbidden, "cannot make the folder \(path): \(error)")
    }
    chmod(path, 0o700)
  }

  func readNames() throws(TelosError) -> [String] {
    String(decoding: try DurableFile.read(names, limit: 1 << 16), as: UTF8.self)
      .split(separator: "\n").map(String.init)
  }

  /// Two coordinators on one SQLite store would publish past each other: whoever uses the folder holds this.
  ///
  /// Throws `conflict` if another process, or another part of this one, uses the folder for two seconds more.
  func lock() throws(TelosError) -> OwnFolder.Lock {
    guard FileStatus(path) != nil else {
      throw TelosError(
        .notFound, "there is no data folder \(path)",
        hint: "telos-coordinator init --data \(path) makes it")
    }
    return try OwnFolder.lock(path, for: "telos-coordinator")
  }
}
