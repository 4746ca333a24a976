import Glibc
import IntentCompiler
import Intents
import Kernel
import TelosCore
import Testing

@Suite("folders: what stays writable, what stays where it is, shared memory")
struct FolderRuleTests {
  let sandbox: Sandbox
  init() throws { sandbox = try Sandbox() }

  @Test("What stays writable after a slam is marked, and is not moved to where others look")
  func kept() throws {
    sandbox.makeFolder("/srv/work/out/deep")
    sandbox.write("", "/srv/work/log")
    sandbox.write("", "/srv/state")
    let result = try sandbox.compile(
      """
      files:
        write: [/srv/work/**, /srv/state]
        whileTainted: [/srv/work/out/deep/**, /srv/work/log, /srv/state]
      """)
    #expect(sandbox.rule(result, "/srv/work/out/deep")?.flags == [.write, .keep, .fixed])
    #expect(sandbox.rule(result, "/srv/work/out")?.flags == .fixed)
    #expect(sandbox.rule(result, "/srv/work")?.flags == [.write, .fixed])
    #expect(sandbox.rule(result, "/srv/work/log")?.flags == [.write, .keep])
    #expect(sandbox.rule(result, "/srv/state")?.flags == [.write, .keep])
    #expect(!result.policy.writesWhileTainted)
  }

  @Test("all keeps every root by one flag of the agent, none keeps the private TMPDIR alone")
  func words() throws {
    let all = try sandbox.compile("files: {whileTainted: all}")
    #expect(all.policy.writesWhileTainted)
    #expect(sandbox.rule(all, "/srv/work")?.flags == .write)
    let none = try sandbox.compile("")
    #expect(!none.policy.writesWhileTainted)
    #expect(none.policy.files.filter { $0.flags.contains(.keep) }.map(\.path) == ["/tmp"])
  }

  @Test("What stays writable has to lie in what is, links followed")
  func keptElsewhere() throws {
    sandbox.link("/srv/app", "/srv/work/elsewhere")
    sandbox.write("", "/etc/x")
    sandbox.link("/etc/x", "/srv/work/x")
    for (root, part) in [
      ("/srv/work/elsewhere/**", "is not inside a directory"),
      ("/srv/work/x", "is not inside a directory"),
      ("/srv/work/none/**", "does not exist"), ("/srv/work/none", "does not exist"),
    ] {
      let error = refusal {
        _ = try sandbox.compile("files: {write: [/srv/work/**], whileTainted: [\(root)]}")
      }
      #expect(error?.message.contains("files.whileTainted") == true, "\(root)")
      #expect(error?.message.contains(part) == true, "\(String(describing: error))")
    }
  }

  @Test("Folders that sensitive rules hang on are fixed, up to the root that the agent may write")
  func fixed() throws {
    sandbox.makeFolder("/srv/work/a/b")
    sandbox.makeFolder("/etc/secrets")
    sandbox.write("S", "/etc/secrets/real")
    sandbox.link("/etc/secrets/real", "/srv/work/a/.env")
    let result = try sandbox.compile(
      """
      files:
        write: [/srv/work/**]
        sensitive: [{path: "/srv/work/a/b/**/*.pem"}, {path: /srv/work/a/.env}, {path: /srv/app/x}]
      """)
    #expect(sandbox.rule(result, "/srv/work/a/b")?.flags == .fixed)
    #expect(sandbox.rule(result, "/srv/work/a")?.flags == .fixed)
    #expect(sandbox.rule(result, "/srv/work")?.flags == [.write, .fixed])
    #expect(sandbox.rule(result, "/etc/secrets")?.flags == .fixed, "where a link leads")
    #expect(sandbox.rule(result, "/srv/app")?.flags == .fixed)
    #expect(sandbox.rule(result, "/srv") == nil, "nobody writes there")
  }

  @Test("Nothing is fixed where nothing depends on it")
  func free() throws {
    sandbox.makeFolder("/srv/work/a")
    let result = try sandbox.compile("files: {write: [/srv/work/**]}")
    #expect(result.policy.files.allSatisfy { !$0.flags.contains(.fixed) })
  }

  @Test("/dev/shm is marked where it is a file system in memory, and only there")
  func sharedMemory() throws {
    sandbox.makeFolder("/dev/shm")
    let onDisk = try sandbox.compile("")
    let mounts = try String(decoding: DurableFile.read("/proc/self/mounts"), as: UTF8.self)
      .split(separator: "\n").map { $0.split(separator: " ") }
    // A sandbox in /tmp is on disk unless /tmp is in memory itself.
    if !mounts.contains(where: { $0.count > 2 && $0[1] == "/tmp" && $0[2] == "tmpfs" }) {
      #expect(onDisk.policy.files.allSatisfy { !$0.flags.contains(.memory) })
    }
    guard mounts.contains(where: { $0.count > 2 && $0[1] == "/dev/shm" && $0[2] == "tmpfs" }) else {
      return
    }
    let context = CompileContext(
      workingDirectory: "/tmp", bootNanoseconds: 0, resolver: StatResolver())
    let exec = Intent.Exec(allow: [Intent.Executable(path: try ExecPath("/bin/cat"))])
    let files = try IntentCompiler.compile(Intent(name: "x", exec: exec), in: context).files
    #expect(files.filter { $0.flags.contains(.memory) }.map(\.path) == ["/dev/shm"])
  }

  @Test("Own loopback is a flag of the agent, beside ports that are open to others")
  func ownLoopback() throws {
    let own = try sandbox.compile("network: {listen: [{own: true}]}").policy
    #expect(own.ownLoopback && own.inbound.isEmpty)
    let both = try sandbox.compile("network: {listen: [{own: true}, {ports: [8080]}]}").policy
    #expect(both.ownLoopback && !both.inbound.isEmpty)
    #expect(try !sandbox.compile("network: {listen: [{ports: [8080]}]}").policy.ownLoopback)
  }
}
