import Glibc
import IntentCompiler
import Intents
import Kernel
import TelosCore
import Testing

@Suite struct ExecTests {
  let sandbox: Sandbox
  init() throws { sandbox = try Sandbox() }

  @Test("A program is approved by identity, its ELF interpreter only as one")
  func elf() throws {
    let result = try sandbox.compile("")
    #expect(sandbox.rule(result, "/usr/bin/cat")?.flags == .exec)
    #expect(sandbox.rule(result, "/usr/bin/cat")?.path == "/usr/bin/cat")
    #expect(sandbox.rule(result, "/lib64/ld-linux-x86-64.so.2")?.flags == .interpreter)
  }

  @Test("Links are followed inside the starting process's root and never out of it")
  func links() throws {
    sandbox.makeFolder("/etc/alternatives")
    sandbox.link("/etc/alternatives/show", "/usr/bin/show")
    sandbox.link("../../usr/bin/cat", "/etc/alternatives/show")
    let result = try sandbox.compile("", exec: "{allow: [{path: /usr/bin/show}]}")
    #expect(sandbox.rule(result, "/usr/bin/cat")?.flags == .exec)

    sandbox.link("/bin/sh", "/usr/bin/out")  // there on this machine, not in the sandbox
    sandbox.link("../../../../../../../../../bin/sh", "/usr/bin/up")
    sandbox.link("/usr/bin/loop", "/usr/bin/loop")
    for name in ["out", "up", "loop"] {
      #expect(
        refusal { _ = try sandbox.compile("", exec: "{allow: [{path: /usr/bin/\(name)}]}") } != nil)
    }
  }

  @Test("A program that is not there, or not one, is refused by name")
  func missing() throws {
    sandbox.write("text", "/usr/bin/plain")
    for (path, part) in [
      ("/usr/bin/nothing", "does not exist"), ("/usr/bin/plain", "not executable"),
      ("/usr/bin", "not a regular file"), ("/usr/bin/cat/x", "does not exist"),
    ] {
      let error = refusal { _ = try sandbox.compile("", exec: "{allow: [{path: \(path)}]}") }
      #expect(error?.message.contains(path) == true, "\(path)")
      #expect(error?.message.contains(part) == true, "\(String(describing: error))")
    }
  }

  @Test("A glob approves programs, leaves the rest out and says so")
  func globs() throws {
    sandbox.makeFolder("/opt/tools/dir")
    sandbox.copy("/bin/cat", "/opt/tools/one")
    sandbox.copy("/bin/cat", "/opt/tools/.hidden")
    sandbox.link("one", "/opt/tools/two")
    sandbox.write("data", "/opt/tools/data")
    sandbox.write("#!/usr/bin/perl\n", "/opt/tools/script", mode: 0o755)
    let result = try sandbox.compile("", exec: "{allow: [{path: \"/opt/*/*\"}]}")
    let approved = result.policy.files.filter { $0.flags.contains(.exec) }
    #expect(approved.map(\.path) == ["/opt/tools/one"])
    #expect(result.notes.contains { $0.contains("/opt/tools/script") && $0.contains("perl") })

    for pattern in ["/opt/tools/x*", "/nowhere/*", "/opt/tools/data*"] {
      let error = refusal { _ = try sandbox.compile("", exec: "{allow: [{path: \"\(pattern)\"}]}") }
      #expect(error?.message.contains("matches no program") == true)
      #expect(error?.message.contains(pattern) == true)
      let beside = try sandbox.compile(
        "", exec: "{allow: [{path: \"\(pattern)\"}, {path: /usr/bin/cat}]}")
      #expect(beside.notes.count == 1 && beside.notes.first?.contains(pattern) == true)
    }
  }

  @Test("A script is approved only together with what runs it")
  func scripts() throws {
    sandbox.write("#!/usr/bin/dash -e\necho\n", "/usr/bin/shell-script", mode: 0o755)
    sandbox.write("#! /usr/bin/env python3\n", "/usr/bin/env-script", mode: 0o755)
    sandbox.write("#!/usr/bin/env -S python3 -u\r\n", "/usr/bin/env-s-script", mode: 0o755)
    for name in ["dash", "env", "python3.11"] { sandbox.copy("/bin/cat", "/usr/bin/\(name)") }
    sandbox.link("python3.11", "/usr/bin/python3")
    func allow(_ names: String...) -> TelosError? {
      let list = names.map { "{path: /usr/bin/\($0)}" }.joined(separator: ", ")
      return refusal { _ = try sandbox.compile("", exec: "{allow: [\(list)]}") }
    }
    #expect(allow("shell-script")?.hint == "add {path: /usr/bin/dash} to exec.allow too")
    #expect(allow("shell-script", "dash") == nil)
    #expect(allow("env-script")?.hint?.contains("/usr/bin/env") == true)
    #expect(allow("env-script", "env")?.hint == "add {path: /usr/bin/python3} to exec.allow too")
    #expect(allow("env-script", "env", "python3") == nil)
    #expect(allow("env-s-script", "env")?.hint?.contains("/usr/bin/python3") == true)
    #expect(allow("env-s-script", "env", "python3") == nil)
  }

  @Test("One binary that is many programs is refused under whatever name it has")
  func multiCall() throws {
    let elf = try DurableFile.read("/bin/cat")
    sandbox.write(elf, "/usr/bin/busybox", mode: 0o755)
    sandbox.link("busybox", "/usr/bin/ls")
    sandbox.write(
      elf + Array("BusyBox is a multi-call binary that combines".utf8), "/usr/bin/tool", mode: 0o755
    )
    for name in ["busybox", "ls", "tool"] {
      let error = refusal {
        _ = try sandbox.compile("", exec: "{allow: [{path: /usr/bin/\(name)}]}")
      }
      #expect(error?.message.contains("many programs") == true, "\(name)")
    }
    let result = try sandbox.compile("", exec: "{allow: [{path: \"/usr/bin/*\"}]}")
    #expect(result.policy.files.filter { $0.flags.contains(.exec) }.map(\.path) == ["/usr/bin/cat"])
    #expect(result.notes.count == 3)
  }

  @Test("One binary that is many programs is approved where the entry says so, and only there")
  func multiCallChosen() throws {
    sandbox.write(try DurableFile.read("/bin/cat"), "/usr/bin/busybox", mode: 0o755)
    sandbox.link("busybox", "/usr/bin/ls")
    sandbox.write("#!/usr/bin/ls\n", "/usr/bin/script", mode: 0o755)
    let result = try sandbox.compile(
      "", exec: "{allow: [{path: /usr/bin/ls, multicall: true}, {path: /usr/bin/script}]}")
    #expect(sandbox.rule(result, "/usr/bin/busybox")?.flags == .exec)
    #expect(sandbox.rule(result, "/usr/bin/script")?.flags == .exec)
    let error = refusal {
      _ = try sandbox.compile(
        "", exec: "{allow: [{path: /usr/bin/ls, multicall: true}, {path: /usr/bin/busybox}]}")
    }
    #expect(error?.hint?.contains("multicall: true") == true)
    let glob = try sandbox.compile("", exec: "{allow: [{path: \"/usr/bin/*\", multicall: true}]}")
    #expect(sandbox.rule(glob, "/usr/bin/busybox")?.flags == .exec)
  }

  @Test("Executable memory without a file is a choice of the intent")
  func jit() throws {
    #expect(try !sandbox.compile("").policy.jit)
    #expect(try sandbox.compile("", exec: "{allow: [{path: /usr/bin/cat}], jit: true}").policy.jit)
  }

  @Test("A content hash goes along and has to match now")
  func hashes() throws {
    let digest = Digest(of: try DurableFile.read("/bin/cat"))
    let result = try sandbox.compile(
      "", exec: "{allow: [{path: /usr/bin/cat, sha256: \(digest)}, {path: \"/usr/bin/c*\"}]}")
    let rule = sandbox.rule(result, "/usr/bin/cat")
    #expect(rule?.flags == [.exec, .hash])
    #expect(rule?.sha256 == digest)

    let other = Digest(of: [1, 2, 3])
    let error = refusal {
      _ = try sandbox.compile("", exec: "{allow: [{path: /usr/bin/cat, sha256: \(other)}]}")
    }
    #expect(error?.message.contains("\(digest)") == true)
  }

  @Test("An fs-verity digest goes along, if the file and the kernel have such a thing")
  func verity() throws {
    let digest = Digest(of: [1, 2, 3])
    let exec = "{allow: [{path: /usr/bin/cat, fsverity: \(digest)}]}"
    var error = refusal { _ = try sandbox.compile("", exec: exec) }
    #expect(error?.message.contains("fs-verity is not enabled for /usr/bin/cat") == true)
    error = refusal { _ = try sandbox.compile("", exec: exec, readsVerity: false) }
    #expect(error?.message.contains("this node's kernel cannot compare") == true)
  }

  @Test("An ELF interpreter is not approved as a program")
  func loader() throws {
    sandbox.link("/lib64/ld-linux-x86-64.so.2", "/usr/bin/ld.so")
    sandbox.copy("/lib64/ld-linux-x86-64.so.2", "/usr/bin/ld-copy.so.2")
    for name in ["ld.so", "ld-copy.so.2"] {
      let error = refusal {
        _ = try sandbox.compile(
          "", exec: "{allow: [{path: /usr/bin/cat}, {path: /usr/bin/\(name)}]}")
      }
      #expect(error?.message.contains("ELF interpreter") == true, "\(name)")
    }
    let result = try sandbox.compile("", exec: "{allow: [{path: \"/usr/bin/*\"}]}")
    #expect(sandbox.rule(result, "/lib64/ld-linux-x86-64.so.2")?.flags == .interpreter)
  }

  @Test("A program whose ELF interpreter is gone is refused")
  func noLoader() {
    unlink(sandbox.root + "/lib64/ld-linux-x86-64.so.2")
    #expect(refusal { _ = try sandbox.compile("") }?.message.contains("ld-linux") == true)
  }

  @Test("Mutilated programs crash nothing")
  func mutilated() throws {
    let elf = try DurableFile.read("/bin/cat")
    for _ in 0..<200 {
      var bad = Array(elf.prefix(4096))
      for _ in 0..<20 { bad[Int.random(in: 4..<200)] = UInt8.random(in: 0...255) }
      sandbox.write(bad, "/usr/bin/bad", mode: 0o755)
      _ = refusal { _ = try sandbox.compile("", exec: "{allow: [{path: /usr/bin/bad}]}") }
    }
    for content in ["", "#", "#!", "#!\n", "#! \t\n", "\u{7f}ELF"] {
      sandbox.write(content, "/usr/bin/bad", mode: 0o755)
      _ = refusal { _ = try sandbox.compile("", exec: "{allow: [{path: /usr/bin/bad}]}") }
    }
  }
}
