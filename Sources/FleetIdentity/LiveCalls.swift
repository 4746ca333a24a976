internal import FoundationEssentials
internal import GRPCCore
internal import Synchronization

/// Calls in progress by the node that makes them, so that a ban ends them.
public final class LiveCalls: Sendable {
  private struct State {
    var next: UInt64 = 0
    var calls: [UInt64: LiveCall] = [:]
  }
  private let state = Mutex(State())

  public init() {}

  /// How many calls are in progress.
  public var count: Int { state.withLock { $0.calls.count } }

  /// The nodes that have a call in progress.
  public var nodes: Set<String> {
    state.withLock { state in
      state.calls.values.reduce(into: []) { names, call in
        if case .node(let name) = call.peer.identity { names.insert(name) }
      }
    }
  }

  /// Ends every call of the node: its handler's task is cancelled and the node hears `permissionDenied`.
  ///
  /// Make the ban visible to ``PeerAdmission`` first: a call that begins in between then sees it.
  public func end(node: String) {
    end(PeerRefusal.Reason.banned) { $0.identity == .node(node) }
  }

  /// Ends every call that `matches` chooses.
  public func end(_ reason: PeerRefusal.Reason, where matches: (Peer) -> Bool) {
    let calls = state.withLock { $0.calls.values.filter { matches($0.peer) } }
    for call in calls { call.end(reason) }
  }

  /// Registers a call for as long as the returned value lives.
  func register(_ peer: Peer, _ handle: ServerContext.RPCCancellationHandle, now: Date)
    -> Registration
  {
    let call = LiveCall(peer: peer, handle: handle)
    let id = state.withLock { state in
      state.next += 1
      state.calls[state.next] = call
      return state.next
    }
    return Registration(call: call, until: peer.notValidAfter.timeIntervalSince(now)) { [self] in
      state.withLock { _ = $0.calls.removeValue(forKey: id) }
    }
  }
}

/// One call in progress.
final class LiveCall: Sendable {
  let peer: Peer
  private let handle: ServerContext.RPCCancellationHandle
  private let endings: AsyncStream<PeerRefusal.Reason>
  private let ending: AsyncStream<PeerRefusal.Reason>.Continuation

  init(peer: Peer, handle: ServerContext.RPCCancellationHandle) {
    self.peer = peer
    self.handle = handle
    (endings, ending) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(1))
  }

  func end(_ reason: PeerRefusal.Reason) {
    ending.yield(reason)
    handle.cancel()
  }

  /// Returns the reason once the call is to end; nil if this task was cancelled first.
  func ended() async -> PeerRefusal.Reason? {
    for await reason in endings { return reason }
    return nil
  }
}

/// Keeps a call among the live ones, and ends it when its certificate expires.
///
/// Its lifetime is the registration: the response's producer holds it, so that a call whose handler throws, or whose
/// producer never runs, leaves nothing behind.
final class Registration: Sendable {
  let call: LiveCall
  private let remove: @Sendable () -> Void
  private let expiry: Task<Void, Never>

  init(call: LiveCall, until seconds: TimeInterval, remove: @escaping @Sendable () -> Void) {
    self.call = call
    self.remove = remove
    expiry = Task { [call] in
      // A day at most where certificates live a day; bounded so that a longer one cannot overflow the clock.
      try? await Task.sleep(for: .seconds(min(max(seconds, 0), 10 * 365 * 86_400)))
      if !Task.isCancelled { call.end(.expired) }
    }
  }

  deinit {
    expiry.cancel()
    remove()
  }
}
