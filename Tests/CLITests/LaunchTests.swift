import Glibc
import TelosCore
import Testing

@testable import telos

/// `telos run` as a process. Where a test needs the kernel's yes, a seccomp filter gives the answer of an
/// attached gate to this one prctl; what the real gates do is tested in the lab.
@Suite("telos run", .enabled(if: Binary.path != nil))
struct LaunchTests {
  static let grant =
    #"{"agent":"00000000000000a1","cookie":["18446744073709551615","7"],"tmpdir":"/tmp/private-a1","stdio":"STDIO","executable":"x"}"#

  static func server(stdio: String = "untilTaint") -> UnixServer {
    let body = grant.replacing("STDIO", with: stdio)
    return UnixServer { _ in UnixServer.json(200, body) }
  }

  @Test func withoutANodeDaemonItEndsWith126AndSaysSo() throws {
    let outcome = try Binary.run(
      ["run", "--intent", "x", "--", "true"], environment: ["TELOS_SOCKET": "/tmp/none.sock"])
    #expect(outcome.status == 126)
    #expect(outcome.errors.hasPrefix("telos: there is no node daemon at /tmp/none.sock\n  → "))
    #expect(outcome.output.isEmpty)
  }

  @Test func aRefusalOfTheNodeIsPrintedWithItsHint() throws {
    let server = UnixServer { _ in
      UnixServer.json(
        409, #"{"error":{"code":"refused","message":"no such intent","hint":"telos intent list"}}"#)
    }
    defer { server.stop() }
    let outcome = try Binary.run(
      ["run", "--intent", "x", "--ttl", "90s", "--", "true", "a b"],
      environment: ["TELOS_SOCKET": server.path, "SECRET": "hidden"])
    #expect(outcome.status == 126)
    #expect(outcome.errors == "telos: no such intent\n  → telos intent list\n")
    let request = try #require(server.requests.first)
    #expect(request.contains(#""ttlSeconds":90"#))
    // Where the program lies, and nothing of its arguments and environment.
    #expect(request.contains(#"/true"],"cwd":"/"#) && !request.contains("a b"))
    #expect(!request.contains("hidden") && !request.contains("PATH"))
  }

  @Test func ofTwoMegabytesOfArgumentsTheNodeIsToldNone() throws {
    let server = UnixServer { _ in
      UnixServer.json(409, #"{"error":{"code":"refused","message":"no"}}"#)
    }
    defer { server.stop() }
    let words = Array(repeating: String(repeating: "a", count: 100_000), count: 15)
    let outcome = try Binary.run(
      ["run", "--intent", "x", "--", "true"] + words, environment: ["TELOS_SOCKET": server.path])
    #expect(outcome.status == 126 && outcome.errors == "telos: no\n", "\(outcome.errors)")
    #expect((server.requests.first?.utf8.count ?? 0) < 1000)
  }

  @Test func aKernelWithoutGatesEndsWith126AndTheCommandNeverRuns() throws {
    let server = Self.server()
    defer { server.stop() }
    let outcome = try Binary.run(
      ["run", "--intent", "x", "--", "echo", "ran"], environment: ["TELOS_SOCKET": server.path])
    #expect(outcome.status == 126)
    #expect(outcome.errors.contains("the gates are not attached"))
    #expect(outcome.output.isEmpty)
  }

  @Test func aCommandThatIsNotThereIs127AndTheNodeIsNotAsked() throws {
    let server = Self.server()
    defer { server.stop() }
    let outcome = try Binary.run(
      ["run", "--intent", "x", "--", "no-such-command"], environment: ["TELOS_SOCKET": server.path])
    #expect(outcome.status == 127)
    #expect(outcome.errors == "telos: no-such-command: no such command\n")
    #expect(server.requests.isEmpty)
  }

  @Test func aFileThatMayNotBeExecutedIs126() throws {
    let file = try TemporaryFile("text", mode: 0o644)
    let outcome = try Binary.run(["run", "--intent", "x", "--", file.path])
    #expect(outcome.status == 126)
    #expect(outcome.errors.contains("not an executable file"))
  }

  @Test(.enabled(if: Binary.python)) func theCommandTakesTheLaunchersPlaceWithItsStatus() throws {
    let server = Self.server()
    defer { server.stop() }
    let outcome = try Self.registered(
      ["sh", "-c", #"echo "$TMPDIR $KEPT"; echo 1>&2 oops; exit 42"#], server,
      environment: ["KEPT": "kept"])
    #expect(outcome.status == 42)
    #expect(outcome.output == "/tmp/private-a1 kept\n")
    #expect(outcome.errors == "oops\n")
  }

  @Test(.enabled(if: Binary.python)) func descriptorsFromThreeOnAreClosed() throws {
    let server = Self.server()
    defer { server.stop() }
    let outcome = try Self.registered(["ls", "/proc/self/fd"], server)
    // ls itself opens one to list the folder.
    #expect(outcome.output.split(separator: "\n") == ["0", "1", "2", "3"])
  }

  @Test(.enabled(if: Binary.python)) func stdioDenyLeavesNothingToWriteTo() throws {
    let server = Self.server(stdio: "deny")
    defer { server.stop() }
    let outcome = try Self.registered(["sh", "-c", "echo out; echo err 1>&2; exit 3"], server)
    #expect(outcome.status == 3)
    #expect(outcome.output.isEmpty && outcome.errors.isEmpty)
  }

  @Test(.enabled(if: Binary.python)) func aScriptWithoutAFirstLineRunsInTheShell() throws {
    let file = try TemporaryFile("echo script $1\n", mode: 0o755)
    let server = Self.server()
    defer { server.stop() }
    let outcome = try Self.registered([file.path, "one"], server)
    #expect(outcome.output == "script one\n")
  }

  @Test func theKernelsAnswersAreTold() {
    #expect(Registration.error(EINVAL).message.contains("not attached"))
    #expect(Registration.error(EPERM).code == .refused)
    #expect(Registration.error(ENOENT).hint == "run the command again")
    #expect(Registration.error(ENOMEM).code == .kernel)
    #expect(Registration.error(EBUSY).code == .internalError)
    // A prctl that succeeded was somebody else's.
    #expect(Registration.error(0).message.contains("not attached"))
  }

  @Test func commandsAreFoundAsExecvpDoes() throws {
    func find(_ command: String, _ search: String?) throws -> String {
      ExecutablePath.text(
        try ExecutablePath.resolve(
          ExecutablePath.bytes(command), search: search.map(ExecutablePath.bytes)))
    }
    #expect(try find("sh", "/nowhere:/bin") == "/bin/sh")
    #expect(try find("/bin/sh", nil) == "/bin/sh")
    #expect(try find("sh", nil) == "/bin/sh")
    let folder = #expect(throws: LaunchFailure.self) { try find("/bin", nil) }
    #expect(folder?.status == 126)
    let missing = #expect(throws: LaunchFailure.self) { try find("", "/bin") }
    #expect(missing?.status == 127)
  }

  @Test(.enabled(if: Binary.python)) func argumentsAndEnvironmentArriveAsTheBytesThatTheyAre()
    throws
  {
    let server = Self.server()
    defer { server.stop() }
    let show = "import os,sys; print(os.fsencode(sys.argv[1]).hex(), os.environb[b'ODD'].hex())"
    // Python turns its own arguments back into the bytes that they were.
    let outcome = try Self.registered(
      ["/usr/bin/python3", "-c", show, "%ff%c3("], server, environment: ["TELOS_TEST_ODD": "1"])
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.output == "ffc328 fe80\n")
    let request = try #require(server.requests.first)
    #expect(request.contains(#""argv":["/usr/bin/python3"]"#))
  }

  @Test(.enabled(if: Binary.python)) func sixtyThousandArgumentsAreNoMatter() throws {
    let server = Self.server()
    defer { server.stop() }
    let count = 60_000
    let outcome = try Self.registered(
      [
        "/usr/bin/python3", "-c", "import sys; print(len(sys.argv), sys.argv[-1])", "%many\(count)",
      ],
      server)
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.output == "\(count + 1) argument-\(count - 1)\n")
    #expect(try #require(server.requests.first).utf8.count < 1000)
  }

  @Test func whatTheNodeLeftOutIsToldOnRequest() throws {
    let note = "exec.allow: /opt/x is left out: it is not there"
    let body = Self.grant.replacing("STDIO", with: "allow").dropLast() + #","notes":["\#(note)"]}"#
    let server = UnixServer { _ in UnixServer.json(200, String(body)) }
    defer { server.stop() }
    let words = ["run", "--intent", "x", "--", "true"]
    let environment = ["TELOS_SOCKET": server.path]
    #expect(try !Binary.run(words, environment: environment).errors.contains("left out"))
    let verbose = try Binary.run(
      [words[0], "--verbose"] + words.dropFirst(), environment: environment)
    #expect(verbose.errors.hasPrefix("telos: \(note)\n"), "\(verbose.errors)")
  }

  /// Runs a command under `telos run` with the prctl answered by seccomp, and two stray descriptors open.
  static func registered(
    _ command: [String], _ server: UnixServer, environment: [String: String] = [:]
  ) throws -> Binary.Outcome {
    let script = """
      import ctypes, os, struct, sys
      libc = ctypes.CDLL(None, use_errno=True)
      # BPF: if syscall is prctl (157 on x86-64, 167 on arm64) with option TELOS_PRCTL: EINPROGRESS (115).
      nr = {'x86_64': 157, 'aarch64': 167}[os.uname().machine]
      ops = [(0x20,0,0,0), (0x15,0,3,nr), (0x20,0,0,16), (0x15,0,1,0x54454c4f),
             (6,0,0,0x00050000 | 115), (6,0,0,0x7fff0000)]
      code = b''.join(struct.pack('HBBI', *op) for op in ops)
      class Program(ctypes.Structure):
        _fields_ = [('length', ctypes.c_ushort), ('code', ctypes.c_char_p)]
      program = Program(len(ops), code)
      assert libc.prctl(38, 1, 0, 0, 0) == 0
      assert libc.prctl(22, 2, ctypes.byref(program), 0, 0) == 0
      for _ in range(2): os.set_inheritable(os.open('/dev/null', os.O_RDONLY), True)
      # What cannot be said in the text of a test: %xx bytes, many arguments.
      words = [os.fsencode(word) for word in sys.argv[1:]]
      if words[-1].startswith(b'%many'):
        words[-1:] = [b'argument-%d' % number for number in range(int(words[-1][5:]))]
      elif words[-1].startswith(b'%'):
        import urllib.parse
        words[-1] = urllib.parse.unquote_to_bytes(words[-1])
      environment = dict(os.environb)
      if b'TELOS_TEST_ODD' in environment: environment[b'ODD'] = b'\\xfe\\x80'
      os.execve(words[0], words, environment)
      """
    let telos = try #require(Binary.path)
    var variables = environment
    variables["TELOS_SOCKET"] = server.path
    return try Binary.run(
      ["-c", script, telos, "run", "--intent", "x", "--"] + command, environment: variables,
      program: "/usr/bin/python3")
  }
}
