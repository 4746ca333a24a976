import Foundation
import Glibc
import TelosAPI
import TelosCore
import Testing

@testable import Node

@Suite struct AgentTests {
  @Test func thePrivateFolderBelongsToTheCallerAlone() async throws {
    try await withFolder { root in
      mkdir("\(root)/tmp", 0o777)
      chmod("\(root)/tmp", 0o1777)
      let path = try PrivateFolder.make(root: root, agent: 0xab, uid: 1234, gid: 1234)
      #expect(path == "/tmp/telos-00000000000000ab")
      let status = try #require(FileStatus(root + path, followingLinks: false))
      #expect(status.kind == .folder && status.owner == 1234 && status.permissions == 0o700)
      #expect(throws: TelosError.self, "an existing folder is never taken over") {
        try PrivateFolder.make(root: root, agent: 0xab, uid: 1234, gid: 1234)
      }
    }
  }

  @Test func aLinkInTheCallersRootLeadsTheFolderNowhere() async throws {
    try await withFolder { root in
      mkdir("\(root)/elsewhere", 0o777)
      symlink("\(root)/elsewhere", "\(root)/tmp")
      #expect(throws: TelosError.self) {
        try PrivateFolder.make(root: root, agent: 1, uid: 0, gid: 0)
      }
      let inside = try FileManager.default.contentsOfDirectory(atPath: "\(root)/elsewhere")
      #expect(inside.isEmpty)
    }
  }

  @Test func theFolderIsRemovedWithNamesThatAreNotUTF8() async throws {
    try await withFolder { root in
      mkdir("\(root)/tmp", 0o777)
      let path = root + (try PrivateFolder.make(root: root, agent: 3, uid: 0, gid: 0))
      let folder = BytePath(bytes: Array("\(path)/a".utf8) + [0xff])
      #expect(folder.withCString { mkdir($0, 0o700) } == 0)
      let file = folder.appending(BytePath(bytes: [0xfe]))
      let descriptor = file.withCString { open($0, O_WRONLY | O_CREAT, 0o600) }
      #expect(descriptor >= 0)
      close(descriptor)
      PrivateFolder.remove(path, uid: 0)
      #expect(FileStatus(path) == nil)
    }
  }

  @Test func removingTheFolderFollowsNoLinkOutOfIt() async throws {
    try await withFolder { root in
      mkdir("\(root)/tmp", 0o777)
      mkdir("\(root)/precious", 0o777)
      try DurableFile.write([1], to: "\(root)/precious/file")
      let path = root + (try PrivateFolder.make(root: root, agent: 1, uid: 0, gid: 0))
      mkdir("\(path)/deep", 0o700)
      try DurableFile.write([1], to: "\(path)/deep/file")
      symlink("\(root)/precious", "\(path)/link")
      symlink("\(root)/precious", "\(path)/deep/link")
      PrivateFolder.remove(path, uid: 0)
      #expect(FileStatus(path) == nil)
      #expect(FileStatus("\(root)/precious/file") != nil)
    }
  }

  /// What a member of the group could do in a mount name space of his own: put the machine's folders into his.
  @Test func removingTheFolderCrossesNoMount() async throws {
    try await withFolder { root in
      for name in ["tmp", "precious"] { mkdir("\(root)/\(name)", 0o777) }
      chmod("\(root)/tmp", 0o1777)
      try DurableFile.write([1], to: "\(root)/precious/file")
      let folder = root + (try PrivateFolder.make(root: root, agent: 2, uid: 1234, gid: 1234))
      mkdir("\(folder)/over", 0o777)
      try DurableFile.write([1], to: "\(folder)/own")
      chown("\(folder)/own", 1234, 1234)
      let holder = Process()
      holder.executableURL = URL(fileURLWithPath: "/usr/bin/unshare")
      holder.arguments = [
        "--mount", "--kill-child", "--fork", "/bin/sh", "-c",
        "mount --bind \(root)/precious \(folder)/over && touch \(root)/ready && exec sleep 60",
      ]
      try holder.run()
      defer { holder.terminate() }
      for _ in 0..<500 where FileStatus("\(root)/ready") == nil { usleep(20_000) }
      try #require(FileStatus("\(root)/ready") != nil)
      let children = try String(
        contentsOfFile:
          "/proc/\(holder.processIdentifier)/task/\(holder.processIdentifier)/children",
        encoding: .utf8)
      let inside = "/proc/\(try #require(children.split(separator: " ").first))/root"
      try #require(FileStatus("\(inside)\(folder)/over/file") != nil, "the mount is there")
      PrivateFolder.remove(inside + folder, uid: 1234)
      #expect(FileStatus("\(root)/precious/file") != nil)
      #expect(FileStatus("\(folder)/own") == nil, "the rest is removed")
    }
  }

  /// The daemon is root; what it makes and removes there it makes and removes as the caller.
  @Test func nothingIsRemovedThatItsOwnerCouldNotRemove() async throws {
    try await withFolder { root in
      mkdir("\(root)/tmp", 0o777)
      chmod("\(root)/tmp", 0o1777)
      let folder = root + (try PrivateFolder.make(root: root, agent: 3, uid: 1234, gid: 1234))
      mkdir("\(folder)/roots", 0o755)
      try DurableFile.write([1], to: "\(folder)/roots/file")
      PrivateFolder.remove(folder, uid: 1234)
      #expect(FileStatus("\(folder)/roots/file") != nil)
      chmod("\(root)/tmp", 0o755)
      #expect(throws: TelosError.self, "a /tmp that the caller may not write") {
        try PrivateFolder.make(root: root, agent: 4, uid: 1234, gid: 1234)
      }
      #expect(geteuid() == 0 && access("\(root)/tmp", W_OK) == 0, "the daemon is itself again")
    }
  }

  @Test func aCommandIsFoundAsAShellWouldInTheCallersRoot() async throws {
    try await withFolder { root in
      for folder in ["bin", "opt", "work"] { mkdir("\(root)/\(folder)", 0o755) }
      try DurableFile.write([1], to: "\(root)/bin/tool", mode: 0o755)
      try DurableFile.write([1], to: "\(root)/opt/tool", mode: 0o644)
      try DurableFile.write([1], to: "\(root)/work/own", mode: 0o755)
      func find(_ command: BytePath, _ path: String? = nil) throws -> BytePath {
        try CommandSearch.find(command, path: path, workingDirectory: "/work", root: root)
      }
      #expect(try find("tool") == "/bin/tool")
      #expect(try find("tool", "/opt:/bin") == "/bin/tool", "not executable: passed over")
      #expect(try find("own", "/bin:") == "/work/own")
      #expect(try find("./own") == "/work/./own")
      #expect(try find("/bin/tool") == "/bin/tool")
      let odd = BytePath(bytes: Array("/opt/".utf8) + [0xfe, 0x80])
      #expect(throws: TelosError.self) { try find(odd) }
      let made = BytePath(bytes: Array(root.utf8) + odd.bytes).withCString {
        open($0, O_WRONLY | O_CREAT, 0o755)
      }
      close(made)
      #expect(try find(odd) == odd, "a name that is not UTF-8")
      #expect(throws: TelosError.self) { try find("absent") }
      #expect(throws: TelosError.self) { try find("./absent") }
    }
  }

  @Test func anAgentIsToldOfItsLastDenialsOnly() {
    let registry = AgentRegistry()
    let object = ObjectVersion(kind: .intent, name: "x", version: 1, digest: Digest(of: [1]))
    registry.add(
      AgentLaunch(
        id: 7, intent: object, uid: 0, bootID: "b", started: 0, expires: 0, executable: "/bin/x",
        temporaryFolder: nil))
    for n in 0..<40 {
      registry.remember(
        .init(at: "", gate: "exec", reason: "\(n)", detail: "", path: nil, destination: nil), of: 7)
    }
    #expect(registry[7]?.denials.map(\.reason) == (8..<40).map { "\($0)" })
    #expect(registry.end([7, 8]).map(\.id) == [7])
    #expect(registry.end([7]).isEmpty)
    #expect(registry.alive.isEmpty && registry[7] != nil)
  }

  @Test func whatANodeLeavesOutOfAnIntentIsToldOnceAVersion() {
    let registry = AgentRegistry()
    func object(_ version: UInt64) -> ObjectVersion {
      ObjectVersion(kind: .intent, name: "x", version: version, digest: Digest(of: [1]))
    }
    #expect(registry.untold(["a", "b"], of: object(1)) == ["a", "b"])
    #expect(registry.untold(["a", "b"], of: object(1)).isEmpty)
    #expect(registry.untold(["b", "c"], of: object(1)) == ["c"])
    #expect(registry.untold(["a"], of: object(2)) == ["a"])
    #expect(registry.untold([], of: object(3)).isEmpty)
  }
}
