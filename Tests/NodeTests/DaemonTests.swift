import EventLog
import FleetCA
import FleetIdentity
import FleetWire
import Foundation
import Glibc
import Kernel
import TelosAPI
import TelosCore
import Testing
import Trust

@testable import Node

/// Beside the test runner; nil when it was not built.
private let daemon: String? = {
  guard let runner = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
  else { return nil }
  let path = runner.split(separator: "/").dropLast().reduce("") { "\($0)/\($1)" } + "/telos-node"
  return access(path, X_OK) == 0 ? path : nil
}()

private let objects: String = {
  if let folder = getenv("TELOS_BPF") { return String(cString: folder) }
  let root = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
  return "/\(root)/build/bpf"
}()

/// Where the kernel admits LSM programs the daemon would put its gates before the whole machine: not in a test.
private let possible =
  geteuid() == 0 && daemon != nil && access("\(objects)/hyperion.bpf.o", R_OK) == 0
  && Probe.lsmRefusal() != nil

/// Not on a thread of the tasks' pool: other tests wait for those.
private func shell(_ script: String) async throws -> (status: Int32, output: String) {
  try await withCheckedThrowingContinuation { continuation in
    DispatchQueue.global().async { continuation.resume(with: Result { try run(script) }) }
  }
}

private func run(_ script: String) throws -> (status: Int32, output: String) {
  let process = Process()
  process.executableURL = URL(filePath: "/bin/bash")
  process.arguments = ["-ec", script]
  let pipe = Pipe()
  process.standardOutput = pipe
  process.standardError = pipe
  try process.run()
  let output = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
  process.waitUntilExit()
  return (process.terminationStatus, output)
}

/// Two network namespaces on a cable, a cgroup and a BPF file system: a machine for one daemon.
private final class Bench {
  let folder: String
  let name = "telos-test-\(getpid())"
  var socket: String { "\(folder)/run/telos.sock" }
  private var running: Process?

  init(_ folder: String) async throws {
    self.folder = folder
    let (status, output) = try await shell(
      """
      cgroup=$(awk '$3 == "cgroup2" {print $2; exit}' /proc/self/mounts)
      mkdir -p "$cgroup/\(name)" \(folder)/bpf \(folder)/run
      chmod 755 \(folder) \(folder)/run
      echo "$cgroup/\(name)" > \(folder)/cgroup
      ip netns add \(name)-a; ip netns add \(name)-b
      ip link add near netns \(name)-a type veth peer name far netns \(name)-b
      ip -n \(name)-a link set lo up
      ip -n \(name)-a addr add 10.77.0.1/24 dev near; ip -n \(name)-a link set near up
      for n in 2 3 4; do ip -n \(name)-b addr add 10.77.0.$n/24 dev far; done
      ip -n \(name)-b link set far up
      """)
    guard status == 0 else { throw TelosError(.internalError, output) }
  }

  var command: String {
    "exec nsenter --net=/var/run/netns/\(name)-a \(daemon ?? "") run --data \(folder)/data"
      + " --bpf \(objects) --interface near --socket \(socket) --metrics 127.0.0.1:7448"
      + " --cgroup $(cat \(folder)/cgroup) --bpffs \(folder)/bpf"
  }

  /// Starts the daemon and waits until its control socket answers.
  func start() async throws -> NodeStatus {
    let process = Process()
    process.executableURL = URL(filePath: "/bin/bash")
    process.arguments = ["-c", "echo $$ > $(cat \(folder)/cgroup)/cgroup.procs; \(command)"]
    let log = "\(folder)/log"
    _ = FileManager.default.createFile(atPath: log, contents: nil)
    process.standardError = FileHandle(forWritingAtPath: log)
    try process.run()
    running = process
    for _ in 0..<600 {
      if let status = try? status() { return status }
      try await Task.sleep(for: .milliseconds(50))
    }
    throw TelosError(
      .timeout, "no daemon: \((try? String(contentsOfFile: log, encoding: .utf8)) ?? "")")
  }

  func status() throws -> NodeStatus {
    try JSONDecoder().decode(
      NodeStatus.self, from: Data(try ControlQuery.get("/v1/status", socket: socket).utf8))
  }

  /// What the daemon's threads, also those that ended, had of the processors.
  func processorTime() throws -> Duration {
    let process = running?.processIdentifier ?? 0
    let status = try String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8)
    // Behind the name, which may hold blanks: state is the third field, utime and stime are the 14th and 15th.
    let fields = status[(status.lastIndex(of: ")") ?? status.startIndex)...].split(separator: " ")
    let ticks = fields.count > 13 ? (Int(fields[12]) ?? 0) + (Int(fields[13]) ?? 0) : 0
    return .seconds(Double(ticks) / Double(sysconf(Int32(_SC_CLK_TCK))))
  }

  func stop(_ signal: Int32) async {
    guard let running, running.isRunning else { return }
    kill(running.processIdentifier, signal)
    while running.isRunning { try? await Task.sleep(for: .milliseconds(20)) }
    self.running = nil
  }

  /// Whether an answer comes to a ping from one of the other side's addresses.
  func answers(from address: String) async throws -> Bool {
    try await shell(
      "nsenter --net=/var/run/netns/\(name)-b ping -c 1 -W 1 -I \(address) 10.77.0.1 >/dev/null 2>&1"
    ).status == 0
  }

  func remove() {
    if let running, running.isRunning {
      kill(running.processIdentifier, SIGKILL)
      running.waitUntilExit()
    }
    _ = try? run(
      """
      set +e
      ip netns del \(name)-a; ip netns del \(name)-b
      umount \(folder)/bpf; rmdir $(cat \(folder)/cgroup)
      true
      """)
  }
}

@Suite(.serialized, .enabled(if: possible)) struct DaemonTests {
  /// An enrolled data folder that holds a set, a never-block set and an intent, and knows no coordinator that answers.
  private func enrol(_ path: String) async throws -> Signers {
    let fleet = try TestFleet()
    let folder = try DataFolder("\(path)/data")
    let key = IdentityKey()
    let leaf = try fleet.authority.issue(node: "n1", request: try key.signingRequest(name: "n1"))
    try Credential(chain: [leaf], key: key).write(to: folder.credential)
    try DurableFile.write(Array(fleet.authority.certificate.pem.utf8), to: folder.authorities)
    try DurableFile.write(fleet.root.json, to: folder.root)
    try NodeIdentity(name: "n1", labels: ["role": "agents"], coordinators: ["127.0.0.1:1"])
      .write(folder)
    let database = try NodeDatabase.open(folder.database)
    let signers = fleet.signers
    let held = [
      try signers.set(["10.77.0.3", "10.77.0.4"], version: 9),
      try signers.neverBlockSet(["10.77.0.4"]), try signers.intentEnvelope(),
    ]
    for envelope in held + [try signers.manifest(held)] {
      try await database.accept(.init(object: try envelope.object, bytes: envelope.wire), at: 1)
    }
    return signers
  }

  @Test func theHeldSetIsInForceBeforeAnyNetworkAndOutlivesTheDaemon() async throws {
    try await withFolder { folder in
      let bench = try await Bench(folder)
      defer { bench.remove() }
      _ = try await enrol(folder)
      #expect(try await bench.answers(from: "10.77.0.3"))

      let status = try await bench.start()
      #expect(status.mode == .hyperionOnly && !status.ready && status.coordinator == nil)
      #expect(status.interfaces.map(\.name) == ["near"] && status.xdp != "none")
      #expect(
        status.held.map(\.kind) == ["intent", "ipset", "manifest", "never-block", "root"])
      #expect(
        status.gates.count == 6 && status.gates.allSatisfy { !$0.enforced && !$0.why.isEmpty })
      let dropped = try await !bench.answers(from: "10.77.0.3")
      #expect(dropped)
      #expect(try await bench.answers(from: "10.77.0.2"))
      #expect(try await bench.answers(from: "10.77.0.4"), "never-block wins")
      #expect((try bench.status().counters["hyperion.xdp.v4"] ?? 0) >= 1)

      let second = try await shell(bench.command)
      #expect(second.status == 1 && second.output.contains("another telos-node"))

      let run = #"{"intent":"read-logs","argv":["cat"],"cwd":"/"}"#
      let answer = try ControlQuery.exchange(
        Array(
          "POST /v1/run HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: \(run.utf8.count)\r\n\r\n\(run)"
            .utf8), socket: bench.socket)
      #expect(
        answer.hasPrefix("HTTP/1.1 409") && answer.contains("missing: identity, exec, network"))

      await bench.stop(SIGKILL)
      let stillDropped = try await !bench.answers(from: "10.77.0.3")
      #expect(stillDropped, "killed, and the set is in force")
      let again = try await bench.start()
      #expect(again.held == status.held)
      await bench.stop(SIGTERM)
      let droppedAfterStop = try await !bench.answers(from: "10.77.0.3")
      #expect(droppedAfterStop, "stopped, and the set is in force")

      let log = try await EventLog.open(folder: "\(folder)/data", node: "n1")
      #expect(log.damage == nil)
      let reasons = try await log.read(after: 0).map(\.reason)
      #expect(reasons.filter { $0 == "started" }.count == 2 && reasons.last == "stopped")
      #expect(reasons.contains("hyperion-only") && reasons.contains("never-blocked"))
    }
  }

  /// By the kernel's own count, over all its threads, with Hyperion alone and a coordinator that does not answer.
  @Test func anIdleDaemonCostsUnderOnePercentOfACore() async throws {
    try await withFolder { folder in
      let bench = try await Bench(folder)
      defer { bench.remove() }
      _ = try await enrol(folder)
      _ = try await bench.start()
      try await Task.sleep(for: .seconds(3))
      let (clock, before) = (ContinuousClock.now, try bench.processorTime())
      try await Task.sleep(for: .seconds(20))
      let spent = try bench.processorTime() - before
      let share = spent / (ContinuousClock.now - clock)
      print("an idle daemon: \(spent) of a core in 20 seconds, \(share * 100) %")
      #expect(share < 0.01)
    }
  }

  /// One flipped byte in each file that the daemon has; what it holds stays in force, and it says what it found.
  @Test func oneDamagedFileLosesNothing() async throws {
    try await withFolder { folder in
      let bench = try await Bench(folder)
      defer { bench.remove() }
      _ = try await enrol(folder)
      let held = try await bench.start().held
      await bench.stop(SIGKILL)
      for name in [
        "node.sqlite", "node.sqlite.twin", "identity.json", "identity.json.twin", "root.json",
        "root.json.twin", "node.pem", "node.pem.twin", "authorities.pem", "events.sqlite",
      ] {
        let path = "\(folder)/data/\(name)"
        let before = try Data(contentsOf: URL(filePath: path))
        var bytes = before
        bytes[bytes.count / 2] ^= 1
        try bytes.write(to: URL(filePath: path))
        let status = try await bench.start()
        #expect(status.held == held, "\(name)")
        let dropped = try await !bench.answers(from: "10.77.0.3")
        #expect(dropped, "\(name)")
        // Of a database not every byte matters: what stands in its -wal is read from there.
        if name.contains(".json") || name.contains("node.pem") {
          let kept = try FileManager.default.contentsOfDirectory(atPath: "\(folder)/data")
          #expect(kept.contains { $0.hasPrefix("\(name).damaged-") }, "\(name) is set aside")
        }
        await bench.stop(SIGKILL)
        if name == "authorities.pem" {
          try before.write(to: URL(filePath: path))
        }
      }
    }
  }

  @Test func aFullDiskOrAFileThatCannotBeOpenedKeepsNothingFromComingUp() async throws {
    try await withFolder { folder in
      let bench = try await Bench(folder)
      defer { bench.remove() }
      _ = try await enrol(folder)
      let held = try await bench.start().held
      await bench.stop(SIGKILL)
      for suffix in ["", "-wal", "-shm"] { unlink("\(folder)/data/events.sqlite\(suffix)") }
      mkdir("\(folder)/data/events.sqlite", 0o700)
      let status = try await bench.start()
      #expect(status.held == held)
      #expect(status.problems.contains { $0.contains("in memory") })
      let dropped = try await !bench.answers(from: "10.77.0.3")
      #expect(dropped)
    }
  }

  @Test func aLostDatabaseIsReportedAndLeavesTheKernelsSetInForce() async throws {
    try await withFolder { folder in
      let bench = try await Bench(folder)
      defer { bench.remove() }
      _ = try await enrol(folder)
      _ = try await bench.start()
      await bench.stop(SIGKILL)
      try Data("not a database, but long enough to be looked at as one".utf8)
        .write(to: URL(filePath: "\(folder)/data/node.sqlite"))
      try FileManager.default.removeItem(atPath: "\(folder)/data/node.sqlite.twin")
      for name in ["", ".twin"] {
        for suffix in ["-wal", "-shm"] { unlink("\(folder)/data/node.sqlite\(name)\(suffix)") }
      }
      let status = try await bench.start()
      #expect(status.held.map(\.kind) == ["root"], "the pinned root stays")
      let dropped = try await !bench.answers(from: "10.77.0.3")
      #expect(dropped, "what the kernel held is in force until a coordinator delivers anew")
      await bench.stop(SIGTERM)
      let log = try await EventLog.open(folder: "\(folder)/data", node: "n1")
      #expect(try await log.read(after: 0).contains { $0.reason == "database-damaged" })
    }
  }
}
