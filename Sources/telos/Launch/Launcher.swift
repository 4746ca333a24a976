internal import CRelay
internal import Glibc
internal import TelosCore

/// Turns this process into an agent: asks the node, hands the cookie to the kernel, becomes CMD.
///
/// From the first line to exec there is one thread, and after registration nothing happens but the relay and exec.
struct Launcher {
  var intent: String
  var ttl: UInt64?
  var command: [String]
  var socket = ControlSocket()

  /// Returns only by throwing.
  func run() throws(LaunchFailure) -> Never {
    guard let name = command.first else {
      throw .refused(TelosError(.invalidArgument, "there is no command to run"))
    }
    let executable = try ExecutablePath.resolve(name, search: Environment["PATH"])
    let grant: RunGrant
    do {
      grant = try ask()
    } catch {
      throw .refused(error)
    }
    guard let cookie = grant.halves else {
      throw .refused(TelosError(.internalError, "the node's answer has no cookie"))
    }
    if let folder = grant.tmpdir, !folder.isEmpty { setenv("TMPDIR", folder, 1) }
    let arguments = ArgumentVector(command)
    let shell = ArgumentVector(["/bin/sh", executable] + command.dropFirst())
    do {
      try silence(grant.stdio)
      try Descriptors.closeAllButStandard()
      try Threads.requireSingle()
      try Registration.register(high: cookie.high, low: cookie.low)
      try relay(grant.stdio)
    } catch {
      throw .refused(error)
    }
    execv(executable, arguments.pointers)
    // As execvp does with a script that has no first line.
    if errno == ENOEXEC { execv("/bin/sh", shell.pointers) }
    throw failure(executable, errno)
  }

  private func ask() throws(TelosError) -> RunGrant {
    var environment: [String: String] = [:]
    for name in RunRequest.environmentNames { environment[name] = Environment[name] }
    let request = RunRequest(
      intent: intent, ttlSeconds: ttl, argv: command, cwd: try workingDirectory(),
      env: environment)
    let answer = try socket.post("/v1/run", request)
    return try JSONInput.decode(RunGrant.self, from: answer, what: "the node's answer")
  }

  private func workingDirectory() throws(TelosError) -> String {
    guard let folder = getcwd(nil, 0) else {
      throw TelosError(
        .invalidArgument,
        "the working directory cannot be named: \(String(cString: strerror(errno)))",
        hint: "change to a folder that exists")
    }
    defer { free(folder) }
    return String(cString: folder)
  }

  /// `stdio: deny`: the agent starts with nothing to write to.
  private func silence(_ policy: String?) throws(TelosError) {
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
  private func relay(_ policy: String?) throws(TelosError) {
    guard policy != "allow", policy != "deny" else { return }
    let code = telos_relay()
    guard code == 0 else {
      throw TelosError(
        .kernel, "no relay for standard input and output: \(String(cString: strerror(code)))")
    }
  }

  private func failure(_ path: String, _ code: Int32) -> LaunchFailure {
    switch code {
    case EACCES:
      .refused(
        TelosError(
          .refused, "the intent \(intent) does not approve \(path)",
          hint: "`telos intent show \(intent)` lists what it approves; scripts need their "
            + "interpreter approved as well"))
    case ENOENT:
      LaunchFailure(
        error: TelosError(.notFound, "\(path): no such command, or its interpreter is missing"),
        status: 127)
    default:
      .refused(TelosError(.kernel, "cannot run \(path): \(String(cString: strerror(code)))"))
    }
  }
}

/// A null-terminated vector of C strings, made before registration; lives until the process ends.
private struct ArgumentVector {
  let pointers: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>

  init(_ words: [String]) {
    pointers = .allocate(capacity: words.count + 1)
    for (i, word) in words.enumerated() { pointers.advanced(by: i).initialize(to: strdup(word)) }
    pointers.advanced(by: words.count).initialize(to: nil)
  }
}
