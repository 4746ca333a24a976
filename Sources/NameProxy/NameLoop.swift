internal import CSockets
internal import Glibc
internal import Synchronization
internal import TelosCore

/// The thread of the proxy: sockets of all networks, connections, libunbound's answers, and work that others hand over.
///
/// Each round takes what has arrived into the queues of the agents and then answers one question of each in turn, so that
/// an agent that floods waits for itself alone.
final class NameLoop: @unchecked Sendable {
  // Safe: `work`, `isRunning` and `poked` are for all; everything else is touched by the thread alone.
  let server: NameServer
  private let work = Mutex<[@Sendable (NameLoop) -> Void]>([])
  private let isRunning = Atomic<Bool>(true)
  private let poked: Int32
  let events: Int32
  private let publish: @Sendable ([NameReport], ProxyCounters) -> Void

  private var sources: [Int32: Source] = [:]
  private var batch = DatagramBatch()
  private var outgoing = OutgoingDatagrams()
  private var line = Ring<AgentNames>()
  var connections: [Int32: Connection] = [:]
  private var isStalled = false
  private var lastTick: UInt64 = 0
  private var lastSecond: UInt64 = 0

  enum Source {
    case datagrams(network: UInt64)
    case listener(network: UInt64)
    case connection(Connection)
    case upstream(Upstream)
    case poke
  }

  /// Answers of one round: little enough that whoever arrives meanwhile waits well below a millisecond.
  private static let answersPerRound = 64
  /// Batches that are read from one socket in one round.
  private static let batchesPerRound = 4
  private static let tick = second / 20

  init(_ server: NameServer, publish: @escaping @Sendable ([NameReport], ProxyCounters) -> Void)
    throws(TelosError)
  {
    self.server = server
    self.publish = publish
    events = csockets_waiter()
    poked = csockets_bell()
    guard events >= 0, poked >= 0 else {
      throw TelosError(
        .kernel, "cannot make what the proxy of names waits on: \(String(cString: strerror(errno)))"
      )
    }
  }

  deinit {
    close(events)
    close(poked)
  }

  func start() throws(TelosError) {
    var thread = pthread_t()
    let code = pthread_create(
      &thread, nil,
      { context in
        guard let context else { return nil }
        Unmanaged<NameLoop>.fromOpaque(context).takeRetainedValue().run()
        return nil
      }, Unmanaged.passRetained(self).toOpaque())
    guard code == 0 else {
      Unmanaged.passUnretained(self).release()
      throw TelosError(.kernel, "cannot start a thread: \(String(cString: strerror(code)))")
    }
    pthread_detach(thread)
  }

  /// Has the thread do something; it is done within the round that follows.
  func perform(_ body: @escaping @Sendable (NameLoop) -> Void) {
    work.withLock { $0.append(body) }
    poke()
  }

  func stop() {
    isRunning.store(false, ordering: .relaxed)
    poke()
  }

  private func poke() {
    var one: UInt64 = 1
    _ = Glibc.write(poked, &one, 8)
  }

  private func run() {
    server.send = { [unowned self] path, bytes in
      switch path {
      case .datagram(let socket, let peer): self.outgoing.add(bytes, socket, peer)
      case .stream(let connection): self.write(bytes, connection)
      }
    }
    watch(poked, .poke)
    withUnsafeTemporaryAllocation(of: csockets_event.self, capacity: 256) { ready in
      while isRunning.load(ordering: .relaxed) { round(ready) }
    }
    for connection in Array(connections.values) { end(connection) }
    server.agents = [:]
    server.networks = [:]
    server.send = { _, _ in }
  }

  private func round(_ ready: UnsafeMutableBufferPointer<csockets_event>) {
    // Whoever waits for its rate alone has time.
    let wait: Int32 = line.count == 0 ? 50 : isStalled ? 1 : 0
    let count = csockets_wait(events, ready.baseAddress, Int32(ready.count), wait)
    for index in 0..<max(Int(count), 0) {
      guard let source = sources[ready[index].descriptor] else { continue }
      take(source, ready[index].descriptor, ready[index].state)
    }
    let now = server.clock()
    isStalled = answer(now) == 0
    outgoing.send()
    if now >= lastTick + Self.tick { tick(now) }
  }

  private func take(_ source: Source, _ descriptor: Int32, _ state: Int32) {
    switch source {
    case .datagrams(let network):
      for _ in 0..<Self.batchesPerRound {
        if receive(descriptor, network) < DatagramBatch.count { break }
      }
    case .listener(let network): accept(descriptor, network)
    case .connection(let connection): serve(connection, state)
    case .upstream(let upstream): upstream.process()
    case .poke:
      var value: UInt64 = 0
      _ = Glibc.read(poked, &value, 8)
      for body in work.withLock({ work in
        defer { work = [] }
        return work
      }) { body(self) }
    }
  }

  private func receive(_ socket: Int32, _ network: UInt64) -> Int {
    batch.receive(socket) { bytes, mark, peer in
      guard let id = server.gate.agent(ofMark: mark), let agent = server.agents[id],
        agent.network == network
      else { return server.counters.unknown += 1 }
      // Full already: not even read.
      guard agent.queue.count < server.limits.waiting else { return drop(agent) }
      enqueue(bytes, .datagram(socket: socket, to: peer), agent)
    }
  }

  /// Reads one message and puts the question into the agent's queue.
  func enqueue(_ bytes: UnsafeBufferPointer<UInt8>, _ path: ReplyPath, _ agent: AgentNames) {
    guard agent.queue.count < server.limits.waiting else { return drop(agent) }
    switch Query.read(bytes) {
    case .ignored: server.counters.dropped += 1
    case .malformed(let answer): server.send(path, answer)
    case .query(let query):
      agent.queue.append(AgentNames.Waiting(query: query, path: path))
      if !agent.isInLine {
        agent.isInLine = true
        line.append(agent)
      }
    }
  }

  private func drop(_ agent: AgentNames) {
    server.counters.dropped += 1
    server.report(agent, "", .tooMany)
  }

  /// One question of each agent in line, again and again, until the round has had enough.
  ///
  /// - Returns: how many were answered.
  private func answer(_ now: UInt64) -> Int {
    var left = Self.answersPerRound
    var turns = line.count
    while left > 0, turns > 0, let agent = line.popFirst() {
      turns -= 1
      if agent.takesTurn(now, server.limits), let next = agent.queue.popFirst() {
        server.answer(next.query, next.path, for: agent)
        left -= 1
        if turns == 0 { turns = line.count + 1 }
      }
      if agent.queue.count > 0 {
        line.append(agent)
      } else {
        agent.isInLine = false
      }
    }
    return Self.answersPerRound - left
  }

  private func tick(_ now: UInt64) {
    lastTick = now
    for network in server.networks.values { server.giveUp(network, now) }
    for connection in connections.values
    where connection.isStale(now, server.limits.connectionPatience) { end(connection) }
    server.keep(now)
    guard now >= lastSecond + second else { return }
    lastSecond = now
    publish(server.reports.take(), server.counters)
  }

  func watch(_ descriptor: Int32, _ source: Source) {
    sources[descriptor] = source
    csockets_watch(events, descriptor, Int32(CSOCKETS_READABLE))
  }

  func forget(_ descriptor: Int32) {
    csockets_unwatch(events, descriptor)
    sources[descriptor] = nil
  }
}
