import BPFKit
import CLibbpf
import CTelosABI
import Glibc
import TelosCore
import Testing

@testable import Kernel

@Suite("Ending the sockets of a slammed agent", .serialized, .enabled(if: isRoot))
struct SocketDestroyerTests {
  @Test("a send that blocks returns, on the agent's socket alone", .timeLimit(.minutes(1)))
  func blocked() throws {
    let kernel = try GateMapsOnly()
    // Two processes block in a send to a peer that never reads; one has the agent's label.
    let listener = try kernel.namespace { () -> Int32 in
      let socket = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
      let code = Socket.withAddress("127.0.0.1", 7700) { bind(socket, $0, $1) }
      try require(code == 0 && listen(socket, 4) == 0, "listen")
      return socket
    }
    defer { close(listener) }
    let script =
      "exec 3<>/dev/tcp/127.0.0.1/7700; trap '' PIPE; head -c 100000000 /dev/zero >&3 2>/dev/null"
    let processes = try kernel.namespace {
      try (0..<2).map { _ in try spawn("bash", "-c", script) }
    }
    let peers = try (0..<2).map { _ in
      try require(Socket.waits(listener, milliseconds: 5000), "no connection")
      return accept(listener, nil, nil)
    }
    defer { peers.forEach { close($0) } }
    usleep(300_000)
    let sockets = try BPFMap<Int32, telos_socket>(
      descriptor: kernel.socketsDescriptor, name: "sockets")
    let borrowed = try borrow(3, of: processes[0])
    var label = telos_socket()
    (label.agent, label.slot) = (77, 1)
    try sockets.update(borrowed, label)
    close(borrowed)

    let destroyer = SocketDestroyer(kernel.gates)
    let none = try kernel.namespace { try destroyer.destroy(agent: 78) }
    #expect(none == .init())
    #expect(waitpid(processes[0], nil, WNOHANG) == 0)
    let outcome = try kernel.namespace {
      try destroyer.destroy(agent: 77, first: [UInt32(processes[0])])
    }
    #expect(outcome.destroyed + outcome.shutDown == 1)
    #expect(outcome.complete)
    #expect(ends(processes[0]), "its send returned")
    #expect(waitpid(processes[1], nil, WNOHANG) == 0, "the other one goes on")
    kill(processes[1], SIGKILL)
    #expect(ends(processes[1]))
  }

  func spawn(_ arguments: String...) throws -> pid_t {
    var process = pid_t()
    var raw = arguments.map { strdup($0) } + [nil]
    defer { raw.forEach { free($0) } }
    try require(posix_spawnp(&process, arguments[0], nil, nil, &raw, environ) == 0, "spawn")
    return process
  }

  /// A descriptor of another process, as one of this one.
  func borrow(_ number: Int32, of process: pid_t) throws -> Int32 {
    let handle = clibbpf_pidfd_open(process)
    defer { close(handle) }
    let result = clibbpf_pidfd_getfd(handle, number)
    try require(result >= 0, "pidfd_getfd")
    return result
  }

  func ends(_ process: pid_t) -> Bool {
    for _ in 0..<500 {
      if waitpid(process, nil, WNOHANG) != 0 { return true }
      usleep(10_000)
    }
    return false
  }
}
