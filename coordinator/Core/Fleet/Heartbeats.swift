internal import FleetCA
internal import FoundationEssentials
internal import Synchronization
internal import TelosCore

/// What nodes say of themselves every few seconds. It is kept in memory and written for all of them together: only the newest
/// matters, and losing it with a coordinator costs nothing.
final class Heartbeats: Sendable {
  /// How old the store's copy may be.
  static let period = Duration.seconds(10)
  /// A node whose pulse another coordinator wrote within this time is taken to be connected there.
  static let freshness: TimeInterval = 30

  private struct State {
    var newest: [String: Pulse] = [:]
    var unwritten: Set<String> = []
  }
  private let state = Mutex(State())
  /// The coordinator that writes them: another one each time it starts.
  let coordinator: String

  init(coordinator: String = String(OneTimeSecret.random().prefix(8).hex)) {
    self.coordinator = coordinator
  }

  /// Takes what a node said.
  func reported(by node: String, _ report: NodeRecord.Report, at now: Date) {
    change(node, now) { $0.report = report }
  }

  /// A node's stream began, gave a sign of life, or ended.
  func seen(_ node: String, connected: Bool = true, at now: Date) {
    change(node, now) { $0.coordinator = connected ? coordinator : "" }
  }

  private func change(_ node: String, _ now: Date, _ body: (inout Pulse) -> Void) {
    state.withLock { state in
      var pulse =
        state.newest[node] ?? Pulse(node: node, seen: now, coordinator: coordinator, report: nil)
      pulse.seen = max(pulse.seen, now)
      body(&pulse)
      state.newest[node] = pulse
      state.unwritten.insert(node)
    }
  }

  /// What the store says, with what came since.
  func applied(to nodes: [NodeRecord]) -> [NodeRecord] {
    let newest = state.withLock { $0.newest }
    return nodes.map { node in
      guard let pulse = newest[node.name], pulse.seen >= node.lastSeen ?? .distantPast else {
        return node
      }
      var node = node
      node.lastSeen = pulse.seen
      node.coordinator = pulse.coordinator
      if let report = pulse.report { node.report = report }
      return node
    }
  }

  /// Names of the nodes with a stream, here or at another coordinator.
  func connected(_ nodes: [NodeRecord], here: Set<String>, at now: Date) -> Set<String> {
    let elsewhere = nodes.filter { node in
      !node.coordinator.isEmpty && node.coordinator != coordinator
        && now.timeIntervalSince(node.lastSeen ?? .distantPast) < Self.freshness
    }
    return here.union(elsewhere.map(\.name))
  }

  /// Writes what is not written yet, in one transaction. What cannot be written stays for the next time.
  func write(to store: Store) async throws {
    let pulses = state.withLock { state in
      let pulses = state.unwritten.sorted().compactMap { state.newest[$0] }
      state.unwritten = []
      return pulses
    }
    guard !pulses.isEmpty else { return }
    do {
      try await store.unordered { try $0.put(pulses) }
    } catch {
      state.withLock { $0.unwritten.formUnion(pulses.map(\.node)) }
      throw error
    }
    // A node that is gone is the store's to remember.
    state.withLock { state in
      for pulse in pulses where pulse.coordinator.isEmpty && !state.unwritten.contains(pulse.node) {
        state.newest[pulse.node] = nil
      }
    }
  }
}
