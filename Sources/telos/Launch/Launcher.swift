internal import CRelay
internal import Glibc
internal import TelosAPI
internal import TelosCore

/// Turns this process into an agent: asks the node, hands the cookie to the kernel, becomes CMD.
///
/// From the first line to exec there is one thread, and after registration nothing happens but the relay and exec.
struct Launcher {
  var intent: String
  var ttl: UInt64?
  var command: CommandWords
  /// Say what of the intent this node left out.
  var verbose = false
  var socket = ControlSocket()

  /// Returns only by throwing.
  func run() throws(LaunchFailure) -> Never {
    guard let name = command.name else {
      throw .refused(TelosError(.invalidArgument, "there is no command to run"))
    }
    let executable = try ExecutablePath.resolve(name, search: Environment.bytes("PATH"))
    let grant: RunAnswer
    do {
      grant = try ask(executable)
    } catch {
      throw .refused(error)
    }
    guard let cookie = grant.halves else {
      throw .refused(TelosError(.internalError, "the node's answer has no cookie"))
    }
    if let folder = grant.tmpdir, !folder.isEmpty { setenv("TMPDIR", folder, 1) }
    if verbose { for note in grant.notes ?? [] { StandardError.line("telos: \(note.printable)") } }
    let shell = command.ofShell(running: executable)
    do {
      try silence(grant.stdio)
      try Descriptors.closeAllButStandard()
      try Threads.requireSingle()
      try Registration.register(high: cookie.high, low: cookie.low)
      try relay(grant.stdio)
    } catch {
      throw .refused(error)
    }
    execv(executable, command.pointers)
    // As execvp does with a script that has no first line.
    if errno == ENOEXEC { execv("/bin/sh", shell.pointers) }
    throw failure(executable, errno, grant.notes ?? [])
  }

  private func ask(_ executable: [CChar]) throws(TelosError) -> RunAnswer {
    let folder = try workingDirectory()
    let path = BytePath(bytes: executable.dropLast().map(UInt8.init(bitPattern:)))
    let request = RunRequest(
      intent: intent, ttlSeconds: ttl, argv: [path.isAbsolute ? path : folder.appending(path)],
      cwd: folder)
    let answer = try socket.post(NodeRoute.run.path(), body: request.json)
    return try JSONInput.decode(RunAnswer.self, from: answer, what: "the node's answer")
  }

  private func workingDirectory() throws(TelosError) -> BytePath {
    guard let folder = getcwd(nil, 0) else {
      throw TelosError(
        .invalidArgument,
        "cannot determine the working directory: \(String(cString: strerror(errno)))",
        hint: "change to a directory that exists")
    }
    defer { free(folder) }
    return BytePath(cString: folder)
  }

  /// `stdio: deny`: the agent starts with nothing to write to.
  private func silence(_ policy: String) throws(TelosError) {
    guard policy == "deny" else { return }
    let null = open("/dev/null", O_RDWR | O_CLOEXEC)
    guard null >= 0 else { throw TelosError(.internalError, "cannot open /dev/null") }
    for descriptor in 0...2 as ClosedRange<Int32> {
      guard dup2(null, descriptor) >= 0 else {
        throw TelosError(.internalError, "cannot redirect descriptor \(descriptor)")
      }
    }
  }

  /// `stdio: untilTaint`: pipes and AF_UNIX sockets that lead outside stay with a relay, which a slam stops.
  private func relay(_ policy: String) throws(TelosError) {
    guard policy != "allow", policy != "deny" else { return }
    let code = telos_relay()
    guard code == 0 else {
      throw TelosError(
        .kernel,
        "cannot start the relay for standard input and output: \(String(cString: strerror(code)))")
    }
  }

  private func failure(_ executable: [CChar], _ code: Int32, _ notes: [String]) -> LaunchFailure {
    let path = ExecutablePath.text(executable)
    switch code {
    case EACCES:
      // What the node left out may be the very reason.
      let why = notes.first { $0.contains("\(path) is left out: ") }
      return .refused(
        TelosError(
          .refused,
          "the intent \(intent) does not approve \(path)" + (why.map { ": \($0.printable)" } ?? ""),
          hint: "`telos intent show \(intent)` lists what it approves; scripts need their "
            + "interpreter approved as well"))
    case ENOENT:
      return LaunchFailure(
        error: TelosError(.notFound, "\(path): no such command, or its interpreter is missing"),
        status: 127)
    default:
      return .refused(
        TelosError(.kernel, "cannot run \(path): \(String(cString: strerror(code)))"))
    }
  }
}
