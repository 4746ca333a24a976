import BPFKit
import CLibbpf
import CTelosABI
import Glibc
import TelosCore

@testable import Kernel

/// A process that does with sockets what it is told, in Python. Where there are LSM programs it can become an agent; else its
/// sockets get labels as those programs would give them to an agent's.
final class Puppet {
  private let gates: Gates
  private let process: pid_t
  private let orders: UnsafeMutablePointer<FILE>
  private let answers: UnsafeMutablePointer<FILE>

  private static let program = """
    import array, ctypes, sys
    from socket import *
    libc = ctypes.CDLL(None, use_errno=True)
    def call(name, *words):
        result = getattr(libc, name)(*words)
        return result if result >= 0 else f"errno {ctypes.get_errno()}"
    known = globals()
    # What is looked for later would be looked for in files.
    socket(AF_INET, SOCK_DGRAM).settimeout(1); b"".hex(); "x".encode()
    for line in sys.stdin:
        try:
            try:
                code = compile(line, "order", "eval")
            except SyntaxError:
                exec(line, known)
                print("done", flush=True)
            else:
                print(eval(code, known), flush=True)
        except OSError as error:
            print(type(error).__name__ if error.errno is None else f"errno {error.errno}", flush=True)
    """

  /// - Parameter group: where it lives; nil: where this process does.
  init(_ gates: Gates, in namespace: Namespace, _ group: TestGroup? = nil) throws {
    self.gates = gates
    let enter = group.map { "echo $$ > \($0.path)/cgroup.procs && " } ?? ""
    var (down, up): ([Int32], [Int32]) = ([-1, -1], [-1, -1])
    try require(pipe(&down) == 0 && pipe(&up) == 0, "pipes")
    for end in down + up { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    let (input, output, program) = (down[0], up[1], Self.program)
    process = try namespace {
      var process = pid_t()
      var actions = posix_spawn_file_actions_t()
      posix_spawn_file_actions_init(&actions)
      defer { posix_spawn_file_actions_destroy(&actions) }
      posix_spawn_file_actions_adddup2(&actions, input, 0)
      posix_spawn_file_actions_adddup2(&actions, output, 1)
      let words: [String] = ["bash", "-c", enter + "exec python3 -c \"$1\"", "bash", program]
      var raw = words.map { strdup($0) } + [nil]
      defer { raw.forEach { free($0) } }
      try require(posix_spawnp(&process, "bash", &actions, nil, &raw, environ) == 0, "spawn")
      return process
    }
    close(input)
    close(output)
    guard let orders = fdopen(down[1], "w"), let answers = fdopen(up[0], "r") else {
      throw Failed(what: "streams")
    }
    (self.orders, self.answers) = (orders, answers)
  }

  deinit {
    fclose(orders)
    fclose(answers)
    kill(process, SIGKILL)
    waitpid(process, nil, 0)
  }

  /// One line of Python: what it is, as text, "done" for a statement, "errno N" for what the kernel refused.
  @discardableResult
  func callAsFunction(_ line: String) throws -> String {
    fputs(line + "\n", orders)
    fflush(orders)
    var buffer = [CChar](repeating: 0, count: 4096)
    guard fgets(&buffer, 4096, answers) != nil else { throw Failed(what: "no answer to \(line)") }
    let bytes = buffer.prefix { $0 != 0 && $0 != 10 }.map { UInt8(bitPattern: $0) }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// Becomes the agent for which the cookie was made.
  func register(_ cookie: RegistrationCookie) throws {
    let words = [UInt64(TELOS_PRCTL), cookie.high, cookie.low, 0, 0]
    let text = words.map { "ctypes.c_ulong(\($0))" }.joined(separator: ", ")
    let answer = try self("call('prctl', \(text))")
    guard answer == "errno \(EINPROGRESS)" else { throw Failed(what: "register: \(answer)") }
  }

  /// Makes a socket that waits three seconds at most, and labels it as the agent's; nil: leaves it as it is.
  func make(_ name: String, _ family: String, _ kind: String, of agent: AgentRecord? = nil) throws {
    try self("\(name) = socket(\(family), \(kind)); \(name).settimeout(3)")
    guard let agent else { return }
    try label(name) { ($0.agent, $0.slot) = (agent.id, agent.slot) }
  }

  /// Changes the label of one of its sockets.
  func label(_ name: String, _ change: (inout telos_socket) -> Void) throws {
    guard let number = Int32(try self("\(name).fileno()")) else { throw Failed(what: name) }
    let handle = clibbpf_pidfd_open(process)
    defer { close(handle) }
    let borrowed = clibbpf_pidfd_getfd(handle, number)
    try require(borrowed >= 0, "pidfd_getfd")
    defer { close(borrowed) }
    var label = try gates.maps.sockets.label(of: borrowed) ?? telos_socket()
    change(&label)
    try gates.maps.sockets.setLabel(label, of: borrowed)
  }
}
