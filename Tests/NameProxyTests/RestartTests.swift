import Glibc
import NameProxy
import Testing

/// The service manager's part: it keeps descriptors and passes them to the next process.
private final class Manager {
  private let folder: Folder
  private let socket: Int32
  private var store: [(name: String, descriptor: Int32)] = []

  init() throws {
    folder = try Folder()
    socket = Glibc.socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let path = Array("\(folder.path)/notify".utf8)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path) }
    let code = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(socket, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    try require(code == 0, "bind")
  }

  deinit {
    close(socket)
    for one in store { close(one.descriptor) }
  }

  /// Starts the program with what is stored.
  func start(_ program: String, _ arguments: [String]) throws -> (process: pid_t, port: UInt16) {
    var ends: [Int32] = [0, 0]
    try require(pipe(&ends) == 0, "pipe")
    defer { close(ends[0]) }
    _ = fcntl(ends[0], F_SETFD, FD_CLOEXEC)
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, ends[1], 1)
    // Out of the way of each other first.
    for (index, one) in store.enumerated() {
      posix_spawn_file_actions_adddup2(&actions, one.descriptor, 900 + Int32(index))
    }
    for index in store.indices {
      posix_spawn_file_actions_adddup2(&actions, 900 + Int32(index), 3 + Int32(index))
      posix_spawn_file_actions_addclose(&actions, 900 + Int32(index))
    }
    var environment = ["NOTIFY_SOCKET=\(folder.path)/notify", "PATH=/usr/bin:/usr/sbin"]
    if !store.isEmpty {
      environment.append("LISTEN_FDS=\(store.count)")
      environment.append("LISTEN_FDNAMES=\(store.map(\.name).joined(separator: ":"))")
    }
    var raw = ([program] + arguments).map { strdup($0) } + [nil]
    var variables = environment.map { strdup($0) } + [nil]
    defer { for pointer in raw + variables { free(pointer) } }
    var process = pid_t()
    let code = posix_spawn(&process, program, &actions, nil, &raw, &variables)
    close(ends[1])
    guard code == 0 else { throw Failed(what: "\(program): \(String(cString: strerror(code)))") }
    var text = [UInt8](repeating: 0, count: 16)
    let count = read(ends[0], &text, text.count)
    guard count > 0, let port = UInt16(String(decoding: text[..<(count - 1)], as: UTF8.self))
    else { throw Failed(what: "\(program) does not start") }
    try collect()
    return (process, port)
  }

  /// Takes what was handed over.
  private func collect() throws {
    var text = [UInt8](repeating: 0, count: 512)
    var control = [UInt8](repeating: 0, count: 64)
    while true {
      let (count, descriptor) = text.withUnsafeMutableBytes { text in
        control.withUnsafeMutableBytes { control in
          var vector = iovec(iov_base: text.baseAddress, iov_len: text.count)
          return withUnsafeMutablePointer(to: &vector) { vector in
            var message = msghdr()
            message.msg_iov = vector
            message.msg_iovlen = 1
            message.msg_control = control.baseAddress
            message.msg_controllen = control.count
            let count = recvmsg(socket, &message, Int32(MSG_DONTWAIT))
            let isThere = count > 0 && message.msg_controllen >= 20
            return (count, isThere ? control.load(fromByteOffset: 16, as: Int32.self) : -1)
          }
        }
      }
      guard count > 0 else { return }
      let lines = String(decoding: text[..<count], as: UTF8.self).split(separator: "\n")
      guard lines.contains("FDSTORE=1"), descriptor >= 0,
        let name = lines.first(where: { $0.hasPrefix("FDNAME=") })?.dropFirst(7)
      else { continue }
      _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
      // As systemd does: the same one twice is kept once.
      if store.contains(where: { $0.name == name }) {
        close(descriptor)
      } else {
        store.append((String(name), descriptor))
      }
    }
  }

  var count: Int { store.count }
}

@Suite(.enabled(if: isRoot)) struct RestartTests {
  /// Built beside the tests by `make build` and `swift build --build-tests`.
  static func program() throws -> String {
    var buffer = [CChar](repeating: 0, count: 4096)
    let count = readlink("/proc/self/exe", &buffer, buffer.count - 1)
    let runner = String(
      decoding: buffer[..<max(count, 0)].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    let path =
      runner.split(separator: "/").dropLast().reduce("") { "\($0)/\($1)" } + "/telos-names-bench"
    try require(access(path, X_OK) == 0, "find \(path)")
    return path
  }

  @Test func aDaemonThatIsKilledUnderLookUpsFailsNoneOfThem() throws {
    let authority = try Authority(
      zone: """
        . 3600 SOA ns.lab.example. x. 1 3600 600 86400 7
        . 3600 NS ns.lab.example.
        ns.lab.example. 3600 A 192.0.2.53
        *.bench.example. 3600 A 192.0.2.10

        """)
    let manager = try Manager()
    let program = try Self.program()
    var (process, port) = try manager.start(program, ["serve", "\(authority.port)"])
    defer {
      kill(process, SIGKILL)
      waitpid(process, nil, 0)
    }
    #expect(manager.count == 4)
    let first = port
    var (longest, count, failed) = (Duration.zero, 0, 0)
    for round in 0..<4 {
      let client = try Client(port: port, mark: 7)
      let end = ContinuousClock.now + .seconds(2)
      var isKilled = false
      while ContinuousClock.now < end {
        if !isKilled, ContinuousClock.now > end - .seconds(1.5) {
          isKilled = true
          kill(process, SIGKILL)
          waitpid(process, nil, 0)
          // A question of the time without a daemon, and the second that systemd waits.
          let early = try Client(port: port, mark: 8)
          early.send(Client.message("early\(round).bench.example"))
          let start = ContinuousClock.now
          // Not a pause of the task: other tests may hold its threads.
          usleep(1_000_000)
          (process, port) = try manager.start(program, ["serve", "\(authority.port)"])
          #expect(port == first)
          let answer = early.receive(milliseconds: 4_000)
          longest = max(longest, ContinuousClock.now - start)
          if answer.map({ $0[3] & 15 }) != 0 { failed += 1 }
        }
        let start = ContinuousClock.now
        // Half of them are new to everybody.
        let name = count.isMultiple(of: 2) ? "n\(count).bench.example" : "same.bench.example"
        let answer = try? client.ask(name, milliseconds: 5_000)
        longest = max(longest, ContinuousClock.now - start)
        if answer?.texts != ["192.0.2.10"] { failed += 1 }
        count += 1
        usleep(2_000)
      }
    }
    #expect(failed == 0)
    #expect(count > 100)
    #expect(longest < .seconds(5))
  }

  @Test func whatIsNotOursIsNotTakenUp() throws {
    #expect(DescriptorStore.inherited([:]).isEmpty)
    #expect(
      DescriptorStore.inherited(["LISTEN_FDS": "x", "LISTEN_FDNAMES": "names-udp4-1-2"]).isEmpty)
    #expect(
      DescriptorStore.inherited(["LISTEN_FDS": "1", "LISTEN_PID": "1", "LISTEN_FDNAMES": "a"])
        .isEmpty)
    #expect(
      DescriptorStore.inherited(["LISTEN_FDS": "2", "LISTEN_FDNAMES": "http:names-udp7-1-2"])
        .isEmpty)
  }
}
