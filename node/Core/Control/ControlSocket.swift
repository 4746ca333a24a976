internal import Glibc
internal import Hummingbird
internal import HummingbirdCore
internal import Kernel
public import Logging
internal import NIOCore
internal import NIOPosix
internal import Operations
internal import Synchronization
internal import TelosAPI
public import TelosCore

/// The listening socket of the control API. It accepts by itself, because the caller is known by what the kernel keeps
/// at the accepted descriptor; then the connection is handed to the HTTP server.
public final class ControlSocket: Sendable {
  public let path: String
  private let listener: Int32
  private let router: ControlRouter
  private let label: @Sendable (Int32) throws -> UInt64?
  private let log: Logger
  private let pulse: Pulse
  private let open = Mutex<[UInt32: Int]>([:])

  /// Connections at a time in all but those of root, of one user, and of root.
  static let maximum = (all: 448, user: 64, root: 64)

  /// When connections were last looked for.
  public final class Pulse: Sendable {
    private let last = Atomic<UInt64>(BootClock.now)
    public init() {}
    fileprivate func beat() { last.store(BootClock.now, ordering: .relaxed) }
    /// In nanoseconds.
    public var age: UInt64 {
      let now = BootClock.now
      return now - min(now, last.load(ordering: .relaxed))
    }
  }

  /// Binds the socket: everybody may connect, what a caller may do is decided by who it is.
  ///
  /// - Parameter label: the agent whose label an accepted connection carries. When it throws, the connection is closed:
  ///   a caller that cannot be told apart gets nothing.
  public init(
    path: String, router: ControlRouter, log: Logger,
    label: @escaping @Sendable (Int32) throws -> UInt64?, pulse: Pulse = Pulse()
  ) throws(TelosError) {
    self.path = path
    self.router = router
    self.log = log
    self.label = label
    self.pulse = pulse
    listener = try Self.bind(path)
  }

  deinit { close(listener) }

  /// Serves until the task is cancelled.
  public func run() async throws {
    let pool = NIOThreadPool(numberOfThreads: 1)
    pool.start()
    let (connections, connection) = AsyncStream.makeStream(of: Connection.self)
    let accepting = pool.runIfActive(eventLoop: MultiThreadedEventLoopGroup.singleton.any()) {
      [self] in
      acceptAll { connection.yield($0) }
      connection.finish()
    }
    accepting.whenFailure { _ in connection.finish() }
    await withTaskCancellationHandler {
      await withDiscardingTaskGroup { group in
        for await connection in connections {
          group.addTask { [self] in await serve(connection) }
        }
        group.cancelAll()
      }
    } onCancel: {
      // Wakes accept, which then fails.
      shutdown(listener, Int32(SHUT_RDWR))
    }
    try? await pool.shutdownGracefully()
  }

  private struct Connection: Sendable {
    var descriptor: Int32
    var caller: Caller
  }

  private func acceptAll(_ body: (Connection) -> Void) {
    while true {
      pulse.beat()
      var waiting = pollfd(fd: listener, events: Int16(POLLIN), revents: 0)
      guard poll(&waiting, 1, 2000) != 0 else { continue }
      let descriptor = accept(listener, nil, nil)
      if descriptor < 0 {
        switch errno {
        case EINTR, ECONNABORTED, EAGAIN: continue
        case EMFILE, ENFILE, ENOBUFS, ENOMEM:
          usleep(50_000)
          continue
        default: return
        }
      }
      _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
      do {
        let caller = try Caller(descriptor: descriptor, agent: try label(descriptor))
        guard caller.agent != nil || caller.isOperator(group: router.group()) else {
          Self.turnAway(descriptor, Self.stranger)
          continue
        }
        guard admit(caller.uid) else {
          Self.turnAway(
            descriptor,
            TelosError(
              .unavailable, "the node has too many connections from this user",
              hint: "close what holds them open: lsof \(path)"))
          continue
        }
        body(Connection(descriptor: descriptor, caller: caller))
      } catch {
        log.warning(
          "a connection to the control socket was closed", metadata: ["error": "\(error)"])
        close(descriptor)
      }
    }
  }

  static let stranger = TelosError(
    .forbidden, "only root and members of the group may do this",
    hint: "usermod -aG telos NAME, then log in again")

  /// Answers whatever is asked, in one write that does not wait, and closes.
  private static func turnAway(_ descriptor: Int32, _ error: TelosError) {
    defer { close(descriptor) }
    guard let body = try? Answer.bytes(ErrorAnswer(error)) else { return }
    let head =
      "HTTP/1.1 \(error.httpStatus) -\r\nContent-Type: application/json\r\nConnection: close\r\n"
      + "Content-Length: \(body.count)\r\n\r\n"
    let bytes = Array(head.utf8) + body
    _ = send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
  }

  private func admit(_ uid: UInt32) -> Bool {
    open.withLock { open in
      let own = open[uid, default: 0]
      if uid == 0 {
        guard own < Self.maximum.root else { return false }
      } else {
        let others = open.values.reduce(0, +) - open[0, default: 0]
        guard others < Self.maximum.all, own < Self.maximum.user else { return false }
      }
      open[uid, default: 0] += 1
      return true
    }
  }

  private func release(_ uid: UInt32) {
    open.withLock { open in
      let left = open[uid, default: 1] - 1
      open[uid] = left > 0 ? left : nil
    }
  }

  private func serve(_ connection: Connection) async {
    defer { release(connection.caller.uid) }
    let responder = router.router().buildResponder()
    let http = HTTP1Channel(
      responder: { [log] request, writer, _ in
        let context = ControlContext(source: .init(logger: log, caller: connection.caller))
        let response = try await responder.respond(to: request, context: context)
        try await response.body.write(try await writer.writeHead(response.head))
      },
      configuration: .init(
        idleTimeout: .seconds(30),
        httpDecoderConfiguration: .init(
          maxHeaderFieldSize: 8 << 10, maxHeaderListSize: 32 << 10, maxHeaderFieldCount: 64)))
    do {
      let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
        .withConnectedSocket(connection.descriptor) {
          [log] (channel: any Channel) -> EventLoopFuture<HTTP1Channel.Value> in
          http.setup(channel: channel, logger: log)
        }
      await http.handle(value: channel, logger: log)
    } catch {
      log.debug("a connection to the control socket failed", metadata: ["error": "\(error)"])
    }
  }

  /// Binds beside the path and renames over it: a client never finds the name gone.
  private static func bind(_ path: String) throws(TelosError) -> Int32 {
    let folder = path.split(separator: "/").dropLast().reduce("") { "\($0)/\($1)" }
    if mkdir(folder, 0o755) == 0 { chmod(folder, 0o755) }
    guard let status = FileStatus(folder, followingLinks: false), status.kind == .folder,
      status.owner == geteuid(), status.permissions & 0o022 == 0
    else {
      throw TelosError(
        .forbidden,
        "\(folder) must be a directory that belongs to the daemon's user and that nobody else may write to",
        hint: "chown root \(folder) && chmod 755 \(folder)")
    }
    let temporary = "\(path).new"
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let bytes = Array(temporary.utf8)
    guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else {
      throw TelosError(.invalidArgument, "the path of the control socket is too long: \(path)")
    }
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
    unlink(temporary)
    let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    let size = socklen_t(MemoryLayout<sockaddr_un>.size)
    let bound = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { Glibc.bind(descriptor, $0, size) }
    }
    guard descriptor >= 0, bound == 0, chmod(temporary, 0o666) == 0, listen(descriptor, 128) == 0,
      rename(temporary, path) == 0
    else {
      let reason = String(cString: strerror(errno))
      if descriptor >= 0 { close(descriptor) }
      throw TelosError(.internalError, "cannot listen on \(path): \(reason)")
    }
    return descriptor
  }
}
