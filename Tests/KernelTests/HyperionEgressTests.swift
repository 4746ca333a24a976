import AddressSets
import Glibc
import TelosCore
import Testing

@testable import Kernel

@Suite("Hyperion on the way out", .serialized, .enabled(if: isRoot))
struct HyperionEgressTests {
  let pair: Pair
  let hyperion: Hyperion

  init() throws {
    pair = try Pair()
    hyperion = try pair.hyperion()
  }

  /// Runs bash in `here` as a member of the tests' control group, the only one that the programs see.
  func bash(_ script: String) throws -> Int32 {
    let folder = pair.group.path
    return try pair.here {
      try run("bash", "-c", "echo $$ > \(folder)/cgroup.procs || exit 99; \(script)")
    }
  }

  @Test("connects to addresses of the set are refused, on both families and v4-mapped; others work")
  func connect() throws {
    let script = { (host: String) in "exec 3<>/dev/udp/\(host)/7777 2>/dev/null" }
    #expect(try bash(script("10.77.0.2")) == 0)
    try hyperion.load(
      try set("10.77.0.2", "fd77::2", "fd77::4/127"), version: 1, digest: Digest(of: [1]))
    #expect(try bash(script("10.77.0.2")) != 0)
    #expect(try bash(script("10.77.0.3")) == 0)
    #expect(try bash(script("fd77::2")) != 0)
    #expect(try bash(script("fd77::5")) != 0)
    #expect(try bash(script("fd77::3")) == 0)
    #expect(try bash(script("::ffff:10.77.0.2")) != 0)
    #expect(try bash(script("::ffff:10.77.0.3")) == 0)
    let counters = try hyperion.counters()
    #expect(counters.connectV4 >= 2)
    #expect(counters.connectV6 >= 2)
    try hyperion.setNeverBlock(try set("10.77.0.2"))
    #expect(try bash(script("10.77.0.2")) == 0)
  }

  @Test("a flow that was connected before its peer came into the set is cut at the next packet")
  func egress() throws {
    let receiver = try pair.there { try Socket.bound("10.77.0.2", port: 7777) }
    defer { close(receiver) }
    let fifo = "\(pair.folder)/go"
    try require(mkfifo(fifo, 0o600) == 0, "fifo")
    let script =
      "exec 3<>/dev/udp/10.77.0.2/7777; echo before >&3; read < \(fifo); echo after >&3 2>/dev/null"
    nonisolated(unsafe) var status: Int32 = -1
    let tests = self
    let thread = try Background { status = (try? tests.bash(script)) ?? -2 }
    #expect(Socket.waits(receiver, milliseconds: 5000), "the first packet arrives")
    var bytes = [UInt8](repeating: 0, count: 64)
    #expect(recv(receiver, &bytes, 64, 0) == 7)
    try hyperion.load(try set("10.77.0.0/29"), version: 1, digest: Digest(of: [1]))
    let go = open(fifo, O_WRONLY | O_CLOEXEC)
    write(go, "\n", 1)
    close(go)
    thread.join()
    #expect(status == 1, "the write is answered with an error")
    #expect(!Socket.waits(receiver, milliseconds: 300), "nothing more arrives")
    #expect(try hyperion.counters().egressV4 == 1)
  }
}

/// A thread that can be waited for.
final class Background {
  private var thread = pthread_t()
  private final class Work {
    let body: () -> Void
    init(_ body: @escaping () -> Void) { self.body = body }
  }

  init(_ body: @escaping () -> Void) throws {
    let code = pthread_create(
      &thread, nil,
      { context in
        if let context { Unmanaged<Work>.fromOpaque(context).takeRetainedValue().body() }
        return nil
      }, Unmanaged.passRetained(Work(body)).toOpaque())
    try require(code == 0, "no thread")
  }

  func join() { pthread_join(thread, nil) }
}
