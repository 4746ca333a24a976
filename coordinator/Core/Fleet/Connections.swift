internal import Synchronization

/// The streams that are open, so that a publication reaches them at once and a shutdown ends them.
final class Connections: Sendable {
  /// Yields when there may be something to send; finishes when the stream must end.
  typealias Signals = AsyncStream<Void>

  private struct State {
    var next: UInt64 = 0
    var sync: [String: (id: UInt64, signal: Signals.Continuation)] = [:]
    var events: [String: (id: UInt64, signal: Signals.Continuation)] = [:]
    var closing = false
  }
  private let state = Mutex(State())

  /// Names of the nodes with a sync stream.
  var connected: Set<String> { state.withLock { Set($0.sync.keys) } }

  /// Takes a node's sync stream in. An older one of the same node ends: the node has come back.
  func join(_ node: String) -> (id: UInt64, signals: Signals) {
    let (signals, signal) = Signals.makeStream(bufferingPolicy: .bufferingNewest(1))
    let (id, older, closing) = state.withLock { state in
      state.next += 1
      let older = state.sync.updateValue((state.next, signal), forKey: node)
      return (state.next, older, state.closing)
    }
    older?.signal.finish()
    if closing { signal.finish() }
    return (id, signals)
  }

  func leave(_ node: String, _ id: UInt64) {
    state.withLock { state in
      if state.sync[node]?.id == id { state.sync[node] = nil }
      if state.events[node]?.id == id { state.events[node] = nil }
    }
  }

  /// Takes a node's event stream in; its signals only ever finish. An older one of the same node ends here, too.
  func joinEvents(_ node: String) -> (id: UInt64, signals: Signals) {
    let (signals, signal) = Signals.makeStream(bufferingPolicy: .bufferingNewest(1))
    let (id, older, closing) = state.withLock { state in
      state.next += 1
      let older = state.events.updateValue((state.next, signal), forKey: node)
      return (state.next, older, state.closing)
    }
    older?.signal.finish()
    if closing { signal.finish() }
    return (id, signals)
  }

  /// Wakes one node's stream.
  func wake(_ node: String) {
    let signal = state.withLock { $0.sync[node]?.signal }
    signal?.yield()
  }

  /// Wakes every stream.
  func wakeAll() {
    let signals = state.withLock { Array($0.sync.values.map(\.signal)) }
    for signal in signals { signal.yield() }
  }

  /// Ends every stream, also those that come later.
  func close() {
    let signals = state.withLock { state in
      state.closing = true
      return Array(state.sync.values.map(\.signal)) + Array(state.events.values.map(\.signal))
    }
    for signal in signals { signal.finish() }
  }
}
