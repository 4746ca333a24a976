internal import BPFKit
internal import CTelosABI
internal import Glibc
internal import Synchronization
public import TelosCore

/// Reads the rings of the gates on a thread of its own, as long as it lives or until ``stop()``.
///
/// Records that nobody read yet wait in the kernel across a restart of the daemon. One reader at a time: a ring
/// has one position.
public final class KernelEvents: Sendable {
  private let running: Atomic<Bool>
  private let finished: Condition
  fileprivate let lastLook = Atomic<UInt64>(BootClock.now)

  /// - Parameter handle: called on that thread with what came at once, slams first, each ring in order, and with nothing,
  ///   some ten times a second, where the rings were found empty; while it works nothing is read, and what then finds no
  ///   room in the kernel is counted there.
  ///   - failed: called on that thread when the rings cannot be read; they are tried again, once a second.
  public init(
    _ gates: Gates, failed: @escaping @Sendable (String) -> Void = { _ in },
    handle: @escaping @Sendable ([KernelEvent]) -> Void
  ) throws(TelosError) {
    running = Atomic(true)
    finished = Condition()
    let (slams, events) = (gates.maps.slams, gates.maps.events)
    let box = Reader(slams: slams, events: events, handle: handle, failed: failed, owner: self)
    try box.start(finished)
  }

  deinit { running.store(false, ordering: .relaxed) }

  /// Ends the thread and waits for it, at most some 200 ms beyond a call of the handler.
  public func stop() {
    running.store(false, ordering: .relaxed)
    finished.wait()
  }

  /// How long ago the rings were last looked at, in nanoseconds; grows while the handler works, or nothing can be read.
  public var age: UInt64 {
    let now = BootClock.now
    return now - min(now, lastLook.load(ordering: .relaxed))
  }

  fileprivate var isRunning: Bool { running.load(ordering: .relaxed) }

  /// The same as a stream, in batches. It buffers without bound: for tools that follow, not for the log.
  public static func stream(_ gates: Gates) throws(TelosError) -> AsyncStream<[KernelEvent]> {
    let (stream, continuation) = AsyncStream<[KernelEvent]>.makeStream()
    let events = try KernelEvents(gates) { if !$0.isEmpty { continuation.yield($0) } }
    continuation.onTermination = { _ in events.stop() }
    return stream
  }
}

/// The thread's own state.
private final class Reader: @unchecked Sendable {
  // Safe: made by one thread, then used by the reading thread alone.
  private let slams: Descriptor
  private let events: Descriptor
  private let handle: @Sendable ([KernelEvent]) -> Void
  private let failed: @Sendable (String) -> Void
  private weak var owner: KernelEvents?
  private var batch: [KernelEvent] = []
  private var finished = Condition()

  init(
    slams: Descriptor, events: Descriptor, handle: @escaping @Sendable ([KernelEvent]) -> Void,
    failed: @escaping @Sendable (String) -> Void, owner: KernelEvents
  ) {
    self.slams = slams
    self.events = events
    self.handle = handle
    self.failed = failed
    self.owner = owner
  }

  func start(_ finished: Condition) throws(TelosError) {
    self.finished = finished
    var thread = pthread_t()
    let code = pthread_create(
      &thread, nil,
      { context in
        guard let context else { return nil }
        let reader = Unmanaged<Reader>.fromOpaque(context).takeRetainedValue()
        reader.run()
        return nil
      }, Unmanaged.passRetained(self).toOpaque())
    guard code == 0 else {
      Unmanaged.passUnretained(self).release()
      throw TelosError(.kernel, "cannot start a thread: \(String(cString: strerror(code)))")
    }
    pthread_detach(thread)
  }

  func run() {
    defer { finished.signal() }
    while owner?.isRunning == true {
      do { try read() } catch {
        failed("\(error)")
        for _ in 0..<10 where owner?.isRunning == true { usleep(100_000) }
      }
    }
  }

  private func read() throws {
    let ring = try RingReader<telos_event>(
      [slams, events], handle: { [unowned self] in self.batch.append(KernelEvent($0)) })
    while let owner, owner.isRunning {
      try ring.poll(milliseconds: 100)
      owner.lastLook.store(BootClock.now, ordering: .relaxed)
      let ready = batch
      batch = []
      handle(ready)
    }
  }
}

/// Lets threads wait for the end of another.
private final class Condition: @unchecked Sendable {
  // Safe: POSIX semaphores may be used from any thread; the pointer lives as long as the object.
  private let semaphore = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)

  init() { sem_init(semaphore, 0, 0) }
  deinit {
    sem_destroy(semaphore)
    semaphore.deallocate()
  }

  func signal() { sem_post(semaphore) }

  /// Returns at once for everybody after the first signal.
  func wait() {
    while sem_wait(semaphore) != 0 && errno == EINTR {}
    sem_post(semaphore)
  }
}

/// What the gates counted since their maps were made, over all CPUs.
public struct GateCounters: Sendable, Hashable, Codable {
  public var slams: UInt64 = 0
  /// No room in the ring; the slam itself held.
  public var slamsLost: UInt64 = 0
  public var events: UInt64 = 0
  public var eventsLost: UInt64 = 0
  /// Withheld because an agent's share of a second was used up.
  public var eventsQuiet: UInt64 = 0
  /// Refused because a record was not found.
  public var stateMissing: UInt64 = 0
  /// Refused because a map was full.
  public var full: UInt64 = 0
  public var egressDropped: UInt64 = 0
  public var denials: [Gate: UInt64] = [:]

  public init() {}
}

extension Gates {
  /// How many slams there were since the maps were made.
  public func slams() throws(TelosError) -> UInt64 {
    try kernel { () throws(BPFError) in try maps.counters.sum(TELOS_COUNT_SLAMS.rawValue) }
  }

  /// How many events of all agents were withheld since the maps were made.
  public func withheld() throws(TelosError) -> UInt64 {
    try kernel { () throws(BPFError) in try maps.counters.sum(TELOS_COUNT_EVENTS_QUIET.rawValue) }
  }

  public func counters() throws(TelosError) -> GateCounters {
    try kernel { () throws(BPFError) in
      var counters = GateCounters()
      counters.slams = try maps.counters.sum(TELOS_COUNT_SLAMS.rawValue)
      counters.slamsLost = try maps.counters.sum(TELOS_COUNT_SLAMS_LOST.rawValue)
      counters.events = try maps.counters.sum(TELOS_COUNT_EVENTS.rawValue)
      counters.eventsLost = try maps.counters.sum(TELOS_COUNT_EVENTS_LOST.rawValue)
      counters.eventsQuiet = try maps.counters.sum(TELOS_COUNT_EVENTS_QUIET.rawValue)
      counters.stateMissing = try maps.counters.sum(TELOS_COUNT_STATE_MISSING.rawValue)
      counters.full = try maps.counters.sum(TELOS_COUNT_FULL.rawValue)
      counters.egressDropped = try maps.counters.sum(TELOS_COUNT_EGRESS_DROPPED.rawValue)
      for gate in Gate.allCases {
        counters.denials[gate] = try maps.counters.sum(
          TELOS_COUNT_DENIALS.rawValue + UInt32(gate.code))
      }
      return counters
    }
  }
}
