import Glibc
import IntentCompiler
import Intents
import Kernel
import TelosCore
import Testing

@Suite struct FileRuleTests {
  let sandbox: Sandbox
  init() throws { sandbox = try Sandbox() }

  func sensitive(_ entries: String...) throws -> IntentCompiler.Result {
    let list = entries.map { "    - {path: \"\($0)\"}\n" }.joined()
    return try sandbox.compile("files:\n  sensitive:\n\(list)")
  }

  @Test("A sensitive file counts by identity, and by name for what replaces it")
  func literal() throws {
    sandbox.write("SECRET", "/srv/app/.env")
    let result = try sensitive("/srv/app/.env")
    #expect(sandbox.rule(result, "/srv/app/.env")?.flags == .critical)
    #expect(
      sandbox.rule(result, "/srv/app")?.tails == [
        TailRule(flags: .critical, match: .name(".env"), deep: false)
      ])
    #expect(sandbox.rule(result, "/srv/app")?.flags == .fixed)
  }

  @Test("A sensitive file may come later; its folder may not")
  func later() throws {
    let result = try sensitive("/srv/app/token")
    #expect(sandbox.rule(result, "/srv/app")?.tails.count == 1)
    #expect(
      refusal { _ = try sensitive("/srv/none/token") }?.message.contains("/srv/none/token") == true)
    #expect(
      refusal { _ = try sensitive("/srv/none/**/.env") }?.message.contains("/srv/none") == true)
    #expect(
      refusal { _ = try sensitive("/srv/app") }?.hint == "write /srv/app/** for everything in it")
  }

  @Test("A sensitive link makes what it leads to sensitive, there as well")
  func link() throws {
    sandbox.makeFolder("/etc/secrets")
    sandbox.write("SECRET", "/etc/secrets/real")
    sandbox.link("/etc/secrets/real", "/srv/app/.env")
    let result = try sensitive("/srv/app/.env")
    #expect(sandbox.rule(result, "/etc/secrets/real")?.flags == .critical)
    #expect(sandbox.rule(result, "/srv/app")?.tails.first?.match == .name(".env"))
    #expect(sandbox.rule(result, "/etc/secrets")?.tails.first?.match == .name("real"))
  }

  @Test("Patterns become a rule of their folder, and mark what is there")
  func patterns() throws {
    sandbox.write("1", "/srv/app/a.pem")
    sandbox.write("2", "/srv/app/sub/b.pem")
    sandbox.write("3", "/srv/app/sub/c.txt")
    sandbox.write("4", "/etc/d")
    sandbox.link("/etc/d", "/srv/app/sub/d.pem")
    sandbox.link("/", "/srv/app/sub/root")
    let deep = try sensitive("/srv/app/**/*.pem")
    #expect(
      sandbox.rule(deep, "/srv/app")?.tails == [
        TailRule(flags: .critical, match: .suffix(".pem"), deep: true)
      ])
    for path in ["/srv/app/a.pem", "/srv/app/sub/b.pem", "/etc/d"] as [BytePath] {
      #expect(sandbox.rule(deep, path)?.flags == .critical, "\(path)")
    }
    #expect(sandbox.rule(deep, "/srv/app/sub/c.txt") == nil)

    let flat = try sensitive("/srv/app/*")
    #expect(sandbox.rule(flat, "/srv/app/a.pem")?.flags == .critical)
    #expect(sandbox.rule(flat, "/srv/app/sub/b.pem") == nil)
    #expect(
      sandbox.rule(flat, "/srv/app")?.tails == [
        TailRule(flags: .critical, match: .any, deep: false)
      ])

    let every = try sensitive("/srv/app/**", "/srv/app/sub/b*")
    #expect(sandbox.rule(every, "/srv/app/sub/c.txt")?.flags == .critical)
    #expect(sandbox.rule(every, "/srv/app/sub")?.tails.first?.match == .prefix("b"))
  }

  @Test("Levels of one file add up")
  func levels() throws {
    sandbox.write("1", "/srv/app/x")
    let result = try sandbox.compile(
      "files:\n  sensitive:\n    - {path: /srv/app/x, level: warn}\n    - {path: \"/srv/app/**/x\"}"
    )
    #expect(sandbox.rule(result, "/srv/app/x")?.flags == [.warn, .critical])
    #expect(sandbox.rule(result, "/srv/app")?.tails.count == 2)
  }

  @Test("More rules at one folder than the kernel holds are refused")
  func tooMany() throws {
    let eight = (0..<8).map { "{path: /srv/app/f\($0)}" }
    func files(_ entries: [String]) -> String {
      "files: {sensitive: [\(entries.joined(separator: ", "))]}"
    }
    #expect(try sandbox.rule(sandbox.compile(files(eight)), "/srv/app")?.tails.count == 8)
    let error = refusal { _ = try sandbox.compile(files(eight + ["{path: /srv/app/f8}"])) }
    #expect(error?.message.contains("9 entries") == true)
    #expect(error?.message.contains("/srv/app") == true)
  }

  @Test("A pattern that means very many files holds by name, and says so")
  func many() throws {
    for index in 0..<1100 { sandbox.write("", "/srv/app/sub/f\(index)") }
    let result = try sensitive("/srv/app/**")
    #expect(result.policy.files.filter { $0.flags == .critical }.count == 1024)
    #expect(result.notes.contains { $0.contains("very many files") })
  }

  @Test("Without files.write the working directory and TMPDIR may be written")
  func defaultRoots() throws {
    let result = try sandbox.compile("")
    #expect(sandbox.rule(result, "/srv/work")?.flags == .write)
    #expect(sandbox.rule(result, "/tmp")?.flags == [.write, .keep], "TMPDIR outlives a slam")
    #expect(!result.policy.writesWhileTainted)
    for cwd in ["/", "/nowhere", "/etc", "/usr/bin"] {
      #expect(
        refusal { _ = try sandbox.compile("", cwd: BytePath(cwd)) }?.message.contains(
          "working directory")
          == true)
    }
  }

  @Test("files.write is the whole list of what may be written")
  func explicitRoots() throws {
    sandbox.write("", "/etc/state")
    let result = try sandbox.compile("files: {write: [\"/srv/app/**\", /etc/state]}")
    #expect(sandbox.rule(result, "/srv/app")?.flags == .write)
    #expect(sandbox.rule(result, "/etc/state")?.flags == .write)
    #expect(sandbox.rule(result, "/srv/work") == nil)
    #expect(sandbox.rule(result, "/tmp") == nil)
    #expect(
      try sandbox.compile("files: {write: []}").policy.files.allSatisfy {
        !$0.flags.contains(.write)
      })
  }

  @Test("A write root that is not what it seems is refused")
  func badRoots() throws {
    sandbox.link("/", "/srv/all")
    sandbox.makeFolder("/dev/shm")
    sandbox.makeFolder("/var/lib/telos")
    sandbox.link("/dev/shm", "/srv/shm")
    sandbox.link("/var/lib/telos", "/srv/ours")
    sandbox.write("", "/srv/file")
    for (root, part) in [
      ("/srv/all/**", "is /"), ("/srv/shm/**", "/dev"), ("/srv/ours/**", "/var/lib/telos"),
      ("/srv/file/**", "not a folder"), ("/srv/none/**", "does not exist"),
      ("/srv/none", "does not exist"),
      ("/srv/work", "is a folder"),
    ] {
      let error = refusal { _ = try sandbox.compile("files: {write: [\"\(root)\"]}") }
      #expect(error?.message.contains(part) == true, "\(root): \(String(describing: error))")
    }
  }

  @Test("A character device may be written by name")
  func devices() throws {
    let context = CompileContext(
      workingDirectory: "/tmp", bootNanoseconds: 0, resolver: StatResolver())
    let exec = Intent.Exec(allow: [Intent.Executable(path: try ExecPath("/bin/cat"))])
    var intent = Intent(name: "x", exec: exec)
    intent.files.write = [try PathPattern("/dev/null", use: .write)]
    #expect(
      try IntentCompiler.compile(intent, in: context).files.contains {
        $0.path == "/dev/null" && $0.flags == .write
      })
  }

  @Test("Everything below the node's own folder is shut, whatever the intent says")
  func shut() throws {
    let context = CompileContext(
      workingDirectory: "/tmp", bootNanoseconds: 0, shut: ["/usr"], resolver: StatResolver())
    let exec = Intent.Exec(allow: [Intent.Executable(path: try ExecPath("/bin/cat"))])
    let files = try IntentCompiler.compile(Intent(name: "x", exec: exec), in: context).files
    let rule = try #require(files.first { $0.path == "/usr" })
    #expect(rule.tails == [TailRule(flags: .shut, match: .any, deep: true)])
    #expect(rule.flags.isEmpty)
  }

  @Test("What may run of its own lies where it may write, links followed")
  func own() throws {
    sandbox.makeFolder("/srv/work/build")
    sandbox.link("/srv/app", "/srv/work/elsewhere")
    let good = try sandbox.compile(
      "files: {write: [\"/srv/work/**\"]}",
      exec: "{allow: [{path: /usr/bin/cat}], own: [\"/srv/work/**\", \"/srv/work/build/**\"]}")
    #expect(sandbox.rule(good, "/srv/work")?.flags == [.write, .own])
    #expect(sandbox.rule(good, "/srv/work/build")?.flags == .own)
    for own in ["/srv/work/elsewhere/**", "/srv/work/none/**"] {
      let error = refusal {
        _ = try sandbox.compile(
          "files: {write: [\"/srv/work/**\"]}",
          exec: "{allow: [{path: /usr/bin/cat}], own: [\"\(own)\"]}")
      }
      #expect(error?.message.contains("exec.own") == true, "\(own)")
    }
    let outside = refusal {
      _ = try sandbox.compile("", exec: "{allow: [{path: /usr/bin/cat}], own: [\"/srv/app/**\"]}")
    }
    #expect(outside?.hint?.contains("files.write") == true)
  }

  @Test("Local sockets count by name in their folder, so those made later count")
  func sockets() throws {
    sandbox.makeFolder("/var")
    sandbox.link("/run", "/var/run")
    let result = try sandbox.compile("unix: {allow: [/run/a.sock, /var/run/b.sock, \"@name\"]}")
    #expect(
      sandbox.rule(result, "/run")?.tails == [
        TailRule(flags: .unix, match: .name("a.sock"), deep: false),
        TailRule(flags: .unix, match: .name("b.sock"), deep: false),
      ])
    #expect(result.policy.abstractSockets == ["name"])
    sandbox.write("", "/run/plain")
    #expect(
      refusal { _ = try sandbox.compile("unix: {allow: [/run/plain]}") }?.message.contains(
        "not a socket") == true)
    #expect(refusal { _ = try sandbox.compile("unix: {allow: [/none/x.sock]}") } != nil)
  }

  @Test("Below an overlay, entries that share an identity become one rule")
  func overlay() throws {
    struct Layered: FileResolver {
      func identities(of path: BytePath) throws(TelosError) -> [FileIdentity] {
        let own = try StatResolver().identities(of: path)
        let lower = FileIdentity(inode: 7, device: 7, generation: 0)
        return ["one", "two"].contains(path.name) ? own + [lower] : own
      }
    }
    sandbox.write("1", "/srv/app/one")
    sandbox.write("2", "/srv/app/two")
    var intent = Intent(
      name: "x", exec: Intent.Exec(allow: [Intent.Executable(path: try ExecPath("/usr/bin/cat"))]))
    intent.files.sensitive = [
      Intent.SensitiveFile(path: try PathPattern("/srv/app/one", use: .sensitive)),
      Intent.SensitiveFile(path: try PathPattern("/srv/app/two", use: .sensitive), level: .warn),
    ]
    var context = sandbox.context()
    context.resolver = Layered()
    let policy = try IntentCompiler.compile(intent, in: context)
    let shared = policy.files.filter { $0.identities.contains { $0.inode == 7 } }
    #expect(shared.count == 1)
    #expect(shared.first?.identities.count == 3)
    #expect(shared.first?.flags == [.critical, .warn])
  }

  @Test("Mode, time to live and stdio are those of the intent")
  func rest() throws {
    let policy = try sandbox.compile("mode: audit\nttl: 90s\nstdio: deny").policy
    #expect(policy.audit)
    #expect(policy.ttl == 90)
    #expect(policy.stdio == .deny)
  }
}
