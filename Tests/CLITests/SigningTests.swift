import ArgumentParser
import FoundationEssentials
import Glibc
import TelosCore
import Testing
import Trust

@testable import telos

@Suite("keys, roots and signatures on files")
struct SigningTests {
  /// A folder with the operator's keys and an `online.json`.
  final class Desk {
    let path = "/tmp/telos-cli-desk-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"

    init() throws {
      mkdir(path, 0o700)
      try writeOnline("online.json", authority: "PEM")
      try SigningKey().write(to: "\(path)/op")
    }

    /// What `init` of a coordinator writes, with keys of its own.
    func writeOnline(_ name: String, authority: String) throws {
      var keys: [String: OnlineKeys.Key] = [:]
      for role in Role.allCases where role.isOnline {
        let key = SigningKey().publicKey
        keys[role.rawValue] = OnlineKeys.Key(
          keyid: key.id.description, public: key.raw.base64EncodedString())
      }
      let text = try JSONOutput.text(OnlineKeys(authorities: [authority], keys: keys))
      try DurableFile.write(Array(text.utf8), to: "\(path)/\(name)")
    }

    deinit {
      for name in (try? names()) ?? [] { unlink("\(path)/\(name)") }
      rmdir(path)
    }

    func names() throws -> [String] {
      guard let folder = opendir(path) else { return [] }
      defer { closedir(folder) }
      var names: [String] = []
      while let entry = readdir(folder) {
        names.append(
          withUnsafePointer(to: &entry.pointee.d_name) {
            $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
          })
      }
      return names
    }

    func run(_ words: String...) throws {
      var command = try Telos.parseAsRoot(words)
      try command.run()
    }

    func root(_ name: String) throws -> TrustedRoot {
      try TrustedRoot.restored(envelope: EnvelopeFile.read("\(path)/\(name)", role: .root))
    }
  }

  @Test func theFirstRootIsSignedByAKeyMadeBesideItForItsOwnerAlone() throws {
    let desk = try Desk()
    try desk.run(
      "key", "root", "--online", "\(desk.path)/online.json", "--intent-key",
      "\(desk.path)/op.pub", "--out", "\(desk.path)/root.json")
    var status = stat()
    #expect(stat("\(desk.path)/root.key", &status) == 0 && status.st_mode & 0o777 == 0o600)
    let root = try desk.root("root.json")
    #expect(root.version == 1)
    let operatorKey = try PublicKey(contentsOf: "\(desk.path)/op.pub")
    #expect(root.statement.roles[.intent]?.keys == [operatorKey.id])
    #expect(root.statement.roles[.neverBlock]?.keys == [operatorKey.id])
    #expect(root.statement.roles[.ipset]?.keys.count == 1)
    // The same again must not lose the key.
    #expect(throws: TelosError.self) {
      try desk.run(
        "key", "root", "--online", "\(desk.path)/online.json", "--intent-key",
        "\(desk.path)/op.pub", "--out", "\(desk.path)/root.json")
    }
  }

  @Test func aRootListsTheKeysAndAuthoritiesOfEveryCoordinatorOnce() throws {
    let desk = try Desk()
    try desk.writeOnline("second.json", authority: "PEM of the second")
    let files = ["online.json", "second.json", "online.json"]
    let words =
      ["key", "root", "--intent-key", "\(desk.path)/op.pub", "--out", "\(desk.path)/root.json"]
      + files.flatMap { ["--online", "\(desk.path)/\($0)"] }
    var command = try Telos.parseAsRoot(words)
    try command.run()
    let statement = try desk.root("root.json").statement
    let first = try OnlineKeys.read("\(desk.path)/online.json").byRole()
    let second = try OnlineKeys.read("\(desk.path)/second.json").byRole()
    for role in Role.allCases where role.isOnline {
      let keys = try [#require(first[role]).id, #require(second[role]).id]
      #expect(Set(statement.roles[role]?.keys ?? []) == Set(keys))
      #expect(statement.roles[role]?.keys.count == 2 && statement.roles[role]?.threshold == 1)
    }
    #expect(statement.authorities == ["PEM", "PEM of the second"])
    #expect(throws: (any Error).self) {
      try Telos.parseAsRoot(Array(words.prefix(6)))
    }
  }

  @Test func aRootIsReplacedByOneWithAnotherKeyThatTheOldOneSigns() throws {
    let desk = try Desk()
    let common = [
      "key", "root", "--online", "\(desk.path)/online.json", "--intent-key",
      "\(desk.path)/op.pub",
    ]
    var first = try Telos.parseAsRoot(common + ["--out", "\(desk.path)/root.json"])
    try first.run()
    try desk.run("key", "new", "--out", "\(desk.path)/next")
    var second = try Telos.parseAsRoot(
      common + [
        "--previous", "\(desk.path)/root.json", "--root-key", "\(desk.path)/root.key",
        "--root-key", "\(desk.path)/next.key", "--out", "\(desk.path)/root2.json",
      ])
    try second.run()
    let old = try desk.root("root.json")
    let envelope = try EnvelopeFile.read("\(desk.path)/root2.json", role: .root)
    let new = try old.updated(with: envelope, now: Date())
    #expect(new.version == 2)
    let next = try PublicKey(contentsOf: "\(desk.path)/next.pub")
    #expect(new.statement.roles[.root]?.keys == [next.id])
  }

  @Test func aRoleWhoseKeyWasStolenBeginsANewEra() throws {
    let desk = try Desk()
    let common = [
      "key", "root", "--online", "\(desk.path)/online.json", "--intent-key",
      "\(desk.path)/op.pub",
    ]
    let early = try #require(throws: (any Error).self) {
      try Telos.parseAsRoot(common + ["--new-era", "manifest", "--out", "\(desk.path)/root.json"])
    }
    #expect(Telos.message(for: early).contains("--previous"))
    let ofRoots = try #require(throws: (any Error).self) {
      try Telos.parseAsRoot(common + ["--new-era", "root", "--out", "\(desk.path)/root.json"])
    }
    #expect(Telos.message(for: ofRoots).contains("one of 'intent', 'never-block'"))
    let help = Telos.helpMessage(for: KeyRootCommand.self, columns: 1000)
    #expect(help.contains("(values: intent, never-block, ipset, manifest, contain)"))
    var first = try Telos.parseAsRoot(common + ["--out", "\(desk.path)/root.json"])
    try first.run()
    let later = ["--previous", "\(desk.path)/root.json", "--root-key", "\(desk.path)/root.key"]
    var second = try Telos.parseAsRoot(
      common + later + [
        "--new-era", "manifest", "--new-era", "never-block", "--out", "\(desk.path)/root2.json",
      ])
    try second.run()
    let root = try desk.root("root2.json").statement
    #expect(root.era(.manifest) == 1 && root.era(.neverBlock) == 1 && root.era(.intent) == 0)

    try DurableFile.write(Array("192.0.2.53\n".utf8), to: "\(desk.path)/nb")
    try desk.run(
      "never-block", "sign", "\(desk.path)/nb", "--key", "\(desk.path)/op.key", "--version", "7",
      "--era", "1", "--out", "\(desk.path)/nb.json")
    let envelope = try EnvelopeFile.read("\(desk.path)/nb.json", role: .neverBlock)
    let object = try NeverBlockStatement(payload: envelope.payload).object
    try root.checkEra(object)
    #expect(Era.text(object.version) == "7 of era 1")
  }

  @Test func theCoordinatorCannotAskForAnOperatorsRole() throws {
    let key = SigningKey().publicKey
    let entry = OnlineKeys.Key(
      keyid: key.id.description, public: key.raw.base64EncodedString())
    let online = OnlineKeys(authorities: [], keys: ["intent": entry])
    let error = #expect(throws: TelosError.self) { try online.byRole() }
    #expect(error?.code == .refused)
  }

  @Test func aSignedNeverBlockListVerifiesUnderTheRoot() throws {
    let desk = try Desk()
    try desk.run(
      "key", "root", "--online", "\(desk.path)/online.json", "--intent-key",
      "\(desk.path)/op.pub", "--out", "\(desk.path)/root.json")
    try DurableFile.write(Array("192.0.2.53\n2001:db8::/64 # dns\n".utf8), to: "\(desk.path)/nb")
    try desk.run(
      "never-block", "sign", "\(desk.path)/nb", "--key", "\(desk.path)/op.key", "--version", "7",
      "--out", "\(desk.path)/nb.json")
    let envelope = try EnvelopeFile.read("\(desk.path)/nb.json", role: .neverBlock)
    let statement = try desk.root("root.json").verify(
      envelope, as: NeverBlockStatement.self, now: Date()
    ).statement
    #expect(statement.version == 7)
    #expect(statement.entries == ["192.0.2.53", "2001:db8::/64"])
    // Another kind of object is told apart before anything is sent.
    let error = #expect(throws: TelosError.self) {
      try EnvelopeFile.read("\(desk.path)/nb.json", role: .intent)
    }
    #expect(error?.message.contains("never-block") == true)
  }

  @Test func anIntentWithAMistakeIsNotSignedAndItsLineIsNamed() throws {
    let desk = try Desk()
    let text = """
      apiVersion: telos/v1
      kind: Intent
      metadata: {name: read-logs}
      spec:
        exec: {allow: [{path: usr/bin/cat}]}
      """
    try DurableFile.write(Array(text.utf8), to: "\(desk.path)/intent.yaml")
    let error = #expect(throws: TelosError.self) {
      try desk.run(
        "intent", "sign", "\(desk.path)/intent.yaml", "--key", "\(desk.path)/op.key", "--out",
        "\(desk.path)/signed.json")
    }
    #expect(error?.exitCode == 64)
    #expect(error?.message.contains("line 5") == true, "\(error as Any)")
    #expect(try !desk.names().contains("signed.json"))
  }

  @Test func aSignedIntentVerifiesUnderTheRootAndCanBeExplained() throws {
    let desk = try Desk()
    try desk.run(
      "key", "root", "--online", "\(desk.path)/online.json", "--intent-key",
      "\(desk.path)/op.pub", "--out", "\(desk.path)/root.json")
    let text = """
      apiVersion: telos/v1
      kind: Intent
      metadata: {name: read-logs}
      spec:
        exec: {allow: [{path: /usr/bin/cat}]}
      """
    try DurableFile.write(Array(text.utf8), to: "\(desk.path)/intent.yaml")
    try desk.run(
      "intent", "sign", "\(desk.path)/intent.yaml", "--key", "\(desk.path)/op.key", "--version",
      "3", "--out", "\(desk.path)/signed.json")
    let envelope = try EnvelopeFile.read("\(desk.path)/signed.json", role: .intent)
    let statement = try desk.root("root.json").verify(
      envelope, as: IntentStatement.self, now: Date()
    ).statement
    #expect(statement.name == "read-logs" && statement.version == 3)
    try desk.run("intent", "explain", "\(desk.path)/signed.json")
    try desk.run("intent", "check", "\(desk.path)/intent.yaml", "-o", "json")
  }
}
