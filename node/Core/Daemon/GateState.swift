internal import Kernel
internal import Synchronization
internal import TelosAPI
internal import TelosCore

/// Whether this kernel's gates hold, and what stands behind them if they do.
final class GateState: Sendable {
  struct Standing: Sendable {
    var gates: Gates
    var table: AgentTable
    var resolver: Resolver
    /// Nil where the proxy of names could not be started.
    var names: NameService?
  }
  private struct State {
    var mode = NodeStatus.Mode.starting
    var reports: [GateReport] = []
    var standing: Standing?
    var why = "the gates have not been checked yet"
    /// Why nothing starts although the gates may hold.
    var obstacle: String?
    /// Whether the canary found that every gate holds.
    var isProved = false
    /// What ``mapUse()`` found last, and until when that is good enough.
    var maps: (use: [MapUse], until: UInt64) = ([], 0)
  }
  private let state = Mutex(State())

  var mode: NodeStatus.Mode { state.withLock { $0.mode } }
  /// Why it is not enforcing; empty when it is.
  var why: String { state.withLock { $0.why } }
  /// Why nothing may start although the gates may hold; nil when there is no such reason.
  var obstacle: String? { state.withLock { $0.obstacle } }
  /// The gates as far as they are attached, proved or not: what runs under them goes on.
  var standing: Standing? { state.withLock { $0.standing } }

  var gates: [NodeGate] {
    state.withLock { state in
      guard state.reports.isEmpty else {
        return state.reports.map {
          NodeGate(gate: $0.gate.rawValue, enforced: $0.enforced, why: $0.reason)
        }
      }
      return Gate.allCases.map { .init(gate: $0.rawValue, enforced: false, why: state.why) }
    }
  }

  /// How full the maps are. Not read more often than takes a fiftieth of the time.
  func mapUse() -> [MapUse] {
    let now = BootClock.now
    let known = state.withLock { $0.maps }
    guard now >= known.until, let table = standing?.table, let use = try? table.use() else {
      return known.use
    }
    let done = BootClock.now
    state.withLock { $0.maps = (use, done + 50 * (done - now)) }
    return use
  }

  func refuse(_ reason: String) {
    state.withLock { state in
      state.mode = .hyperionOnly
      state.why = reason
    }
  }

  /// Whatever the canary finds, nothing starts.
  func obstruct(_ reason: String) {
    state.withLock { state in
      state.mode = .hyperionOnly
      state.obstacle = reason
      state.why = reason
    }
  }

  func attach(_ standing: Standing) {
    state.withLock { state in
      state.standing = standing
      state.reports = standing.gates.reports
      state.why = "the canary has not tested the gates yet"
    }
  }

  /// What the canary found. Enforcing takes every gate.
  func prove(_ reports: [GateReport]) {
    state.withLock { state in
      state.reports = reports
      let missing = reports.filter { !$0.enforced }
      state.isProved = missing.isEmpty && !reports.isEmpty
      state.mode = state.isProved && state.obstacle == nil ? .enforcing : .hyperionOnly
      state.why =
        state.obstacle
        ?? missing.map { "\($0.gate.rawValue): \($0.reason)" }.joined(separator: "; ")
    }
  }

  /// The gates if the canary found that each of them holds, whatever keeps agents from starting.
  var proved: Standing? {
    state.withLock { $0.isProved ? $0.standing : nil }
  }

  /// Throws unless every gate holds, naming the missing ones.
  func requireEnforcing() throws(TelosError) -> Standing {
    let (mode, why, standing) = state.withLock { ($0.mode, $0.why, $0.standing) }
    guard mode == .enforcing, let standing else {
      let missing = gates.filter { !$0.enforced }.map(\.gate).joined(separator: ", ")
      throw TelosError(
        .refused,
        "this node does not enforce (\(mode.rawValue)), so no agent can start here; missing: \(missing): \(why)",
        hint: "`telos probe` shows what this kernel can enforce")
    }
    return standing
  }
}
