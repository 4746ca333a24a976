import Glibc
import IntentCompiler
import Intents
import Kernel
import Synchronization
import TelosCore
import Testing

/// Counts what it is asked: an agent whose programs are all remembered asks nothing about them.
final class CountingResolver: FileResolver {
  private let asked = Mutex<[String]>([])
  func identities(of path: BytePath) throws(TelosError) -> [FileIdentity] {
    asked.withLock { $0.append(path.description) }
    return try StatResolver().identities(of: path)
  }
  func take() -> [String] {
    asked.withLock { asked in
      defer { asked = [] }
      return asked
    }
  }
}

@Suite("what is remembered of programs")
struct CompileMemoryTests {
  let sandbox: Sandbox
  let memory = CompileMemory()
  let resolver = CountingResolver()
  static let day = 86_400

  init() throws {
    sandbox = try Sandbox()
    sandbox.makeFolder("/opt/bin")
    for name in ["one", "two"] { sandbox.copy("/bin/cat", "/opt/bin/\(name)") }
    sandbox.link("/opt/bin/one", "/usr/bin/linked")
    settle()
  }

  /// Lets the clock of the file system pass what was written, as for anything that was installed before.
  private func settle() { usleep(2_100_000) }

  private func programs(
    _ allow: String =
      "[{path: /opt/bin/*}, {path: /usr/bin/linked}, {path: /opt/none, optional: true}]"
  ) throws -> [String] {
    let intent = try IntentParser.parse(
      "apiVersion: telos/v1\nkind: Intent\nmetadata: {name: test}\nspec:\n  exec: {allow: \(allow)}\n"
    )
    var context = sandbox.context()
    context.memory = memory
    context.resolver = resolver
    let policy = try IntentCompiler.compile(intent, in: context)
    return policy.files.filter { $0.flags.contains(.exec) }.map {
      "\($0.path) \($0.identities.first?.inode ?? 0)"
    }.sorted()
  }

  private func inode(_ path: String) -> UInt64 { sandbox.identity(BytePath(path))?.inode ?? 0 }

  @Test("A second agent asks nothing, and gets the same")
  func again() throws {
    let first = try programs()
    #expect(!resolver.take().isEmpty)
    #expect(try programs() == first)
    #expect(resolver.take().allSatisfy { !$0.contains("/opt/") && !$0.contains("/usr/") })
    #expect(first.count == 2)
  }

  @Test("Whatever changes is seen at once")
  func changes() throws {
    _ = try programs()
    // Replaced, as an upgrade does: the new file, not the old.
    let old = inode("/opt/bin/two")
    sandbox.copy("/bin/cat", "/opt/bin/.new")
    rename(sandbox.root + "/opt/bin/.new", sandbox.root + "/opt/bin/two")
    #expect(inode("/opt/bin/two") != old)
    #expect(try programs().contains("/opt/bin/two \(inode("/opt/bin/two"))"))
    #expect(try !programs().contains { $0.hasSuffix(" \(old)") })
    settle()
    _ = try programs()
    // Removed.
    unlink(sandbox.root + "/opt/bin/two")
    #expect(try programs().count == 1)
    // Added.
    sandbox.copy("/bin/cat", "/opt/bin/three")
    #expect(try programs().contains("/opt/bin/three \(inode("/opt/bin/three"))"))
    settle()
    #expect(try programs().count == 2)
    // Not executable any more, and again.
    chmod(sandbox.root + "/opt/bin/three", 0o644)
    #expect(try programs().count == 1)
    settle()
    #expect(try programs().count == 1)
    chmod(sandbox.root + "/opt/bin/three", 0o755)
    #expect(try programs().count == 2)
  }

  @Test("A link that leads elsewhere, a file that comes where none was, and a folder moved away")
  func ways() throws {
    let before = try programs()
    unlink(sandbox.root + "/usr/bin/linked")
    sandbox.link("/usr/bin/cat", "/usr/bin/linked")
    let after = try programs()
    #expect(after.contains { $0.hasSuffix(" \(inode("/usr/bin/cat"))") })
    #expect(after != before)
    settle()
    _ = try programs()
    sandbox.copy("/bin/cat", "/opt/none")
    #expect(try programs().contains("/opt/none \(inode("/opt/none"))"))
    settle()
    _ = try programs()
    rename(sandbox.root + "/opt/bin", sandbox.root + "/opt/old")
    sandbox.makeFolder("/opt/bin")
    sandbox.copy("/bin/cat", "/opt/bin/other")
    let moved = try programs()
    #expect(moved.contains("/opt/bin/other \(inode("/opt/bin/other"))"))
    #expect(!moved.contains { $0.hasSuffix(" \(inode("/opt/old/one"))") })
  }

  @Test("Content that is written over counts: a program that became many is refused")
  func content() throws {
    _ = try programs("[{path: /opt/bin/one}]")
    let elf = try DurableFile.read("/bin/cat")
    sandbox.write(
      elf + Array("BusyBox is a multi-call binary that combines".utf8), "/opt/bin/one", mode: 0o755)
    let error = refusal { _ = try programs("[{path: /opt/bin/one}]") }
    #expect(error?.message.contains("many programs") == true)
    #expect(try programs("[{path: /opt/bin/*}]").count == 1)
  }

  @Test("What was written just now is not remembered: the next change might leave no trace")
  func fresh() throws {
    sandbox.copy("/bin/cat", "/opt/bin/new")
    _ = try programs()
    _ = resolver.take()
    _ = try programs()
    #expect(resolver.take().contains { $0.hasSuffix("/opt/bin/new") })
    #expect(resolver.take().isEmpty)
  }

  @Test("Sensitive names are looked for again where anything changed, and only there")
  func sensitive() throws {
    sandbox.makeFolder("/srv/app/deep/er")
    sandbox.write("S", "/srv/app/deep/.env")
    func marked() throws -> [String] {
      let intent = try IntentParser.parse(
        """
        apiVersion: telos/v1
        kind: Intent
        metadata: {name: test}
        spec:
          exec: {allow: [{path: /usr/bin/cat}]}
          files: {sensitive: [{path: "/srv/app/**/.env"}]}
        """)
      var context = sandbox.context()
      context.memory = memory
      context.resolver = resolver
      let policy = try IntentCompiler.compile(intent, in: context)
      return policy.files.filter { $0.flags.contains(.critical) }.map(\.path).sorted()
    }
    #expect(try marked() == ["/srv/app/deep/.env"])
    settle()
    _ = try marked()
    _ = resolver.take()
    #expect(try marked() == ["/srv/app/deep/.env"])
    #expect(resolver.take().allSatisfy { !$0.hasSuffix(".env") })
    sandbox.write("S", "/srv/app/deep/er/.env")
    #expect(try marked() == ["/srv/app/deep/.env", "/srv/app/deep/er/.env"])
    settle()
    _ = try marked()
    unlink(sandbox.root + "/srv/app/deep/.env")
    #expect(try marked() == ["/srv/app/deep/er/.env"])
    sandbox.write("S", "/srv/app/deep/.env")
    settle()
    #expect(try marked().count == 2)
    rename(sandbox.root + "/srv/app/deep/er", sandbox.root + "/srv/er")
    #expect(try marked() == ["/srv/app/deep/.env"])
  }
}
