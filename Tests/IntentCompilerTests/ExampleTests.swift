import FoundationEssentials
import Glibc
import IntentCompiler
import Intents
import Kernel
import TelosCore
import Testing

/// The example intents against the programs of this machine: Debian, with git, python, make and gcc.
@Suite struct ExampleTests {
  static let installed = [
    "/usr/bin/git", "/usr/bin/python3", "/usr/bin/make", "/usr/bin/gcc", "/usr/bin/node",
    "/usr/bin/bwrap",
  ]
  .allSatisfy { (path: String) in access(path, X_OK) == 0 }

  func compile(_ name: String, in sandbox: Sandbox) throws -> AgentPolicy {
    let folder = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
    let data = try Data(contentsOf: URL(filePath: "/\(folder)/docs/examples/\(name).yaml"))
    let text = String(decoding: data, as: UTF8.self).replacing(
      "/srv/", with: sandbox.root + "/srv/")
    let context = CompileContext(
      workingDirectory: BytePath(sandbox.root + "/srv/work"),
      temporaryDirectory: sandbox.root + "/tmp",
      bootNanoseconds: 1, resolver: StatResolver())
    return try IntentCompiler.compile(try IntentParser.parse(text), in: context)
  }

  func approves(_ policy: AgentPolicy, _ path: String) throws -> Bool {
    let identities = try StatResolver().identities(of: path)
    return policy.files.contains { rule in
      rule.flags.contains(.exec) && !Set(rule.identities).isDisjoint(with: identities)
    }
  }

  @Test(
    "An example approves what its job starts, and no more",
    .enabled(if: installed, "needs git, python3, make, gcc, node and bwrap"),
    arguments: [
      ("read-logs", ["/usr/bin/cat"], ["/bin/sh", "/usr/bin/python3"]),
      (
        "git-clone",
        ["/usr/bin/git", "/usr/lib/git-core/git", "/usr/lib/git-core/git-remote-https", "/bin/sh"],
        ["/usr/bin/perl", "/usr/lib/git-core/git-add--interactive", "/usr/bin/cat"]
      ),
      ("pip-install", ["/usr/bin/python3"], ["/bin/sh", "/usr/bin/gcc"]),
      (
        "make-build",
        ["/usr/bin/make", "/bin/sh", "/usr/bin/gcc", "/usr/bin/as", "/usr/bin/ld", "/usr/bin/rm"],
        ["/usr/bin/git", "/usr/bin/perl", "/bin/bash", "/lib64/ld-linux-x86-64.so.2"]
      ),
      ("python-client", ["/usr/bin/python3"], ["/bin/sh", "/usr/bin/curl"]),
      ("text-pipeline", ["/bin/sh", "/usr/bin/sort"], ["/usr/bin/awk", "/usr/bin/python3"]),
      ("sandboxed-shell", ["/bin/sh", "/usr/bin/bwrap"], ["/usr/bin/awk", "/usr/bin/python3"]),
      ("web-server", ["/usr/bin/python3"], ["/bin/sh"]),
      ("agent-harness", ["/usr/bin/python3", "/usr/bin/wc"], ["/bin/sh", "/usr/bin/whoami"]),
      ("node-script", ["/usr/bin/node"], ["/bin/sh", "/usr/bin/python3", "/usr/bin/npm"]),
      (
        "node-work", ["/usr/bin/node", "/usr/bin/env", "/bin/sh"],
        ["/usr/bin/gcc", "/usr/bin/curl"]
      ),
      ("python-work", ["/usr/bin/python3", "/bin/sh"], ["/usr/bin/gcc", "/usr/bin/git"]),
      ("java-work", ["/bin/sh", "/usr/bin/uname"], ["/usr/bin/curl", "/usr/bin/python3"]),
      ("jit-work", ["/bin/sh", "/usr/bin/python3"], ["/usr/bin/node", "/usr/bin/gcc"]),
      (
        "coding-agent",
        [
          "/usr/bin/git", "/usr/lib/git-core/git-remote-https", "/usr/bin/python3", "/usr/bin/make",
        ],
        ["/usr/sbin/useradd", "/lib64/ld-linux-x86-64.so.2"]
      ),
      ("compile-work", ["/usr/bin/gcc", "/usr/bin/make", "/usr/bin/ld"], ["/usr/sbin/useradd"]),
      ("terminal-work", ["/bin/sh", "/usr/bin/python3"], ["/usr/sbin/useradd"]),
      ("file-work", ["/usr/bin/tar", "/usr/bin/sort"], ["/usr/sbin/useradd"]),
    ])
  func example(name: String, runs: [String], refuses: [String]) throws {
    let sandbox = try Sandbox()
    let policy = try compile(name, in: sandbox)
    for path in runs { #expect(try approves(policy, path), "\(path)") }
    for path in refuses where access(path, F_OK) == 0 {
      #expect(try !approves(policy, path), "\(path)")
    }
    #expect(policy.inbound.isEmpty == (name != "web-server"))
    #expect(
      policy.jit
        == ["node-script", "node-work", "java-work", "jit-work", "coding-agent"].contains(name))
    let own = [
      "node-work", "python-work", "java-work", "jit-work", "coding-agent", "compile-work",
    ]
    #expect(policy.ownLoopback == own.contains(name))
    #expect(policy.files.allSatisfy { $0.tails.count <= 8 })
    #expect(policy.windows.allSatisfy { $0.ports.count <= 8 })
  }

  @Test(
    "make-build approves what gcc says it starts", .enabled(if: installed, "needs gcc"),
    arguments: ["cc1", "collect2", "as", "ld"])
  func compiler(program: String) throws {
    let process = try #require(popen("gcc -print-prog-name=\(program)", "r"))
    defer { pclose(process) }
    var line = [CChar](repeating: 0, count: 4096)
    try #require(fgets(&line, 4096, process) != nil)
    let text = String(
      decoding: line.prefix { $0 != 0 && $0 != 10 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    let path = text.contains("/") ? text : "/usr/bin/\(text)"
    let sandbox = try Sandbox()
    #expect(try approves(try compile("make-build", in: sandbox), path), "\(path)")
  }
}
