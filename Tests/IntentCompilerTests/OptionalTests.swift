import Glibc
import IntentCompiler
import Intents
import Kernel
import TelosCore
import Testing

@Suite("one intent for many kinds of machines")
struct OptionalTests {
  let sandbox: Sandbox
  init() throws { sandbox = try Sandbox() }

  private func approved(_ result: IntentCompiler.Result) -> [String] {
    result.policy.files.filter { $0.flags.contains(.exec) }.map(\.path).sorted()
  }

  @Test("A glob leaves out links that lead nowhere, loops and programs that cannot start here")
  func globs() throws {
    sandbox.makeFolder("/opt/bin")
    sandbox.copy("/bin/cat", "/opt/bin/good")
    sandbox.link("/opt/gone", "/opt/bin/broken")
    sandbox.link("loop", "/opt/bin/loop")
    sandbox.write("#!/opt/none/python\n", "/opt/bin/script", mode: 0o755)
    var foreign = try DurableFile.read("/bin/cat")
    let loader = Array("/lib64/ld-linux-x86-64.so.2".utf8)
    let place = try #require(
      (0..<foreign.count - loader.count).first {
        foreign[$0..<$0 + loader.count].elementsEqual(loader)
      })
    foreign[place + 7] = UInt8(ascii: "x")
    sandbox.write(foreign, "/opt/bin/foreign", mode: 0o755)
    let result = try sandbox.compile("", exec: "{allow: [{path: /opt/bin/*}]}")
    #expect(approved(result) == ["/opt/bin/good"])
    for name in ["loop", "script", "foreign"] {
      #expect(
        result.notes.contains { $0.hasPrefix("/opt/bin/\(name) is left out: ") }, "\(result.notes)")
    }
    #expect(!result.notes.contains { $0.contains("broken") }, "one of many names, and no mistake")
  }

  @Test("An optional program that is not there is left out, and said; one that is there is judged")
  func programs() throws {
    let result = try sandbox.compile(
      "", exec: "{allow: [{path: /usr/bin/cat}, {path: /usr/bin/rg, optional: true}]}")
    #expect(approved(result) == ["/usr/bin/cat"])
    #expect(result.notes == ["exec.allow: /usr/bin/rg is left out: it does not exist here"])
    sandbox.write("text", "/usr/bin/rg")
    let error = refusal {
      _ = try sandbox.compile("", exec: "{allow: [{path: /usr/bin/rg, optional: true}]}")
    }
    #expect(error?.message.contains("not executable") == true)
    let missing = refusal { _ = try sandbox.compile("", exec: "{allow: [{path: /usr/bin/fd}]}") }
    #expect(missing?.hint?.contains("optional: true") == true)
    let nothing = refusal {
      _ = try sandbox.compile("", exec: "{allow: [{path: /usr/bin/fd, optional: true}]}")
    }
    #expect(nothing?.message.contains("matches no program on this node") == true)
  }

  @Test("An optional script goes without its interpreter, but not with one that nobody approved")
  func scripts() throws {
    sandbox.write("#!/usr/bin/env node\n", "/usr/bin/yarn", mode: 0o755)
    let exec =
      "{allow: [{path: /usr/bin/cat}, {path: /usr/bin/env}, {path: /usr/bin/yarn, optional: true}]}"
    sandbox.copy("/bin/cat", "/usr/bin/env")
    let result = try sandbox.compile("", exec: exec)
    #expect(approved(result) == ["/usr/bin/cat", "/usr/bin/env"])
    #expect(result.notes.contains { $0.contains("/usr/bin/yarn") && $0.contains("node") })
    sandbox.copy("/bin/cat", "/usr/bin/node")
    #expect(
      refusal { _ = try sandbox.compile("", exec: exec) }?.hint
        == "add {path: /usr/bin/node} to exec.allow too")
  }

  @Test("Names with wildcards in them are meant literally where they are escaped")
  func escapes() throws {
    sandbox.copy("/bin/cat", "/usr/bin/[")
    sandbox.makeFolder("/opt/a*b")
    sandbox.makeFolder("/opt/axb")
    sandbox.copy("/bin/cat", "/opt/a*b/t{1}")
    sandbox.copy("/bin/cat", "/opt/axb/t{1}")
    let one = try sandbox.compile("", exec: #"{allow: [{path: '/usr/bin/\['}]}"#)
    #expect(approved(one) == ["/usr/bin/["])
    let glob = try sandbox.compile("", exec: #"{allow: [{path: '/opt/a\*b/t\{*'}]}"#)
    #expect(approved(glob) == ["/opt/a*b/t{1}"])
    sandbox.makeFolder("/srv/[x]")
    sandbox.write("S", "/srv/[x]/*")
    let files = try sandbox.compile(
      #"files: {write: ['/srv/\[x\]/**'], sensitive: [{path: '/srv/\[x\]/\*'}]}"#)
    #expect(sandbox.rule(files, "/srv/[x]")?.flags == [.write, .fixed])
    #expect(sandbox.rule(files, "/srv/[x]")?.tails.first?.match == .name("*"))
    #expect(sandbox.rule(files, "/srv/[x]/*")?.flags == .critical)
  }

  @Test("Optional roots and sensitive folders that are not there are left out, and said")
  func files() throws {
    let result = try sandbox.compile(
      """
      files:
        write: [/srv/work/**, {path: /srv/none/**, optional: true}, {path: /srv/no, optional: true}]
        whileTainted: [/srv/none/out/**, /srv/no]
        sensitive:
          - {path: "/srv/none/**/.env", optional: true}
          - {path: /srv/none/key, optional: true}
          - {path: "/srv/app/**/.env", optional: true}
      """, exec: "{allow: [{path: /usr/bin/cat}], own: [/srv/none/build/**]}")
    #expect(result.notes.count == 4, "\(result.notes)")
    #expect(result.notes.allSatisfy { $0.contains("/srv/no") && $0.contains("left out") })
    #expect(sandbox.rule(result, "/srv/app")?.tails.count == 1)
    for spec in [
      "files: {write: [/srv/none/**]}", "files: {sensitive: [{path: \"/srv/none/**/.env\"}]}",
      "files: {sensitive: [{path: /srv/none/key}]}", "files: {write: [/srv/none]}",
    ] {
      let error = refusal { _ = try sandbox.compile(spec) }
      #expect(
        error?.hint?.contains("optional: true") == true, "\(spec): \(String(describing: error))")
    }
  }
}
