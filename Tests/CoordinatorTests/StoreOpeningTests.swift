import Foundation
import TelosCore
import Testing

@testable import Coordinator

@Suite struct StoreOpeningTests {
  @Test func aDamagedStoreIsSetAsideAndNothingStartsEmptyUnasked() async throws {
    let scratch = try Scratch()
    let path = "\(scratch.path)/store.sqlite"
    let (store, _) = try Store.open(path, createIfMissing: true)
    _ = try await store.ingest(
      node: "n1", epoch: 1, events: try RecordedLog.slam().events, at: Date())
    try store.close()
    let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
    let damaged = Data(repeating: 0xa5, count: 200) + bytes.dropFirst(200)
    try damaged.write(to: URL(fileURLWithPath: path))

    let error = #expect(throws: TelosError.self) {
      try Store.open(path, createIfMissing: false)
    }
    #expect(error?.code == .corrupt)
    #expect(error?.hint?.contains("--new-store") == true)
    let files = try FileManager.default.contentsOfDirectory(atPath: scratch.path)
    let aside = try #require(
      files.first {
        $0.hasPrefix("store.sqlite.damaged-") && !$0.hasSuffix("-wal") && !$0.hasSuffix("-shm")
      })
    #expect(try Data(contentsOf: URL(fileURLWithPath: "\(scratch.path)/\(aside)")) == damaged)

    // The next start finds no file: that is no reason to begin an empty one either.
    #expect(throws: TelosError.self) { try Store.open(path, createIfMissing: false) }
    #expect(try Store.open(path, createIfMissing: true).1 == .created)
  }

  @Test func aDamagedStoreIsReplacedOnlyWhenAskedFor() throws {
    let scratch = try Scratch()
    let path = "\(scratch.path)/store.sqlite"
    try Data(
      "this is no database, and it is long enough to have a header of one........................"
        .utf8
    )
    .write(to: URL(fileURLWithPath: path))
    guard case .replaced(let aside) = try Store.open(path, createIfMissing: true).1 else {
      Issue.record("not replaced")
      return
    }
    #expect(FileManager.default.fileExists(atPath: aside))
  }

  @Test func theStoreIsReadableByItsOwnerOnly() throws {
    let scratch = try Scratch()
    let path = "\(scratch.path)/store.sqlite"
    _ = try Store.open(path, createIfMissing: true)
    let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
    #expect(mode == 0o600)
  }

  @Test func initRefusesAFolderThatWasInitialised() async throws {
    let scratch = try Scratch()
    let data = "\(scratch.path)/data"
    let result = try await Initialisation.run(data: data, names: ["127.0.0.1"])
    #expect(result.adminToken.utf8.count > 60)
    for file in ["ca.key", "server.pem", "ipset.key", "manifest.key", "contain.key", "admin.token"]
    {
      let mode =
        try FileManager.default.attributesOfItem(atPath: "\(data)/\(file)")[
          .posixPermissions] as? Int
      #expect(mode == 0o600, "\(file)")
    }
    let key = try Data(contentsOf: URL(fileURLWithPath: "\(data)/ca.key"))
    await #expect(throws: TelosError.self) {
      try await Initialisation.run(data: data, names: ["127.0.0.1"])
    }
    #expect(try Data(contentsOf: URL(fileURLWithPath: "\(data)/ca.key")) == key)
  }
}
