internal import FleetWire
internal import FoundationEssentials
internal import Kernel
internal import SwiftProtobuf
internal import Synchronization
internal import TelosCore

/// The slams that the node's log tells of: what denials are linked to, where a slam by another's data came from, and why an
/// agent is in the state that it is in.
final class SlamRecords: Sendable {
  private struct State {
    /// Of this boot, by the kernel's sequence: the log's.
    var ofKernel: [UInt64: UInt64] = [:]
    /// By the log's sequence; of earlier boots too.
    var records: [UInt64: Telos_Fleet_V1_Event] = [:]
    /// In the log's order.
    var order: [UInt64] = []
    var causes: [String: Telos_Fleet_V1_Event] = [:]
  }
  private let state = Mutex(State())

  /// How many are kept; of older ones the log's sequence alone is known, and that as long as the machine runs.
  static let maximum = 20_000
  /// How many steps back a slam tells of.
  static let depth = 8
  /// In a domain that was stored before the machine's last start, this bit says that the rest is a sequence of the log.
  static let stored: UInt64 = 1 << 63

  /// The kernel begins to count anew.
  func beginBoot() { state.withLock { $0.ofKernel = [:] } }

  /// Takes up a record of the log, of any kind.
  func add(_ record: Telos_Fleet_V1_Event) {
    guard record.eventKind == .slammed || record.eventKind == .tainted else { return }
    state.withLock { state in
      if state.causes[record.agent]?.eventKind != .slammed { state.causes[record.agent] = record }
      guard record.eventKind == .slammed else { return }
      state.ofKernel[record.kernelSequence] = record.sequence
      state.records[record.sequence] = record
      state.order.append(record.sequence)
      if state.order.count > Self.maximum { state.records[state.order.removeFirst()] = nil }
    }
  }

  /// Forgets why agents that are gone are as they are.
  func keepCauses(of agents: Set<String>) {
    state.withLock { state in state.causes = state.causes.filter { agents.contains($0.key) } }
  }

  /// The log's sequence of a slam by what the kernel calls it; 0 when it is not known.
  func sequence(of linked: UInt64) -> UInt64 {
    if linked & Self.stored != 0 { return linked & ~Self.stored }
    return linked == 0 ? 0 : state.withLock { $0.ofKernel[linked] ?? 0 }
  }

  /// The slam of this sequence of the log, then those that it came from.
  func origins(of sequence: UInt64) -> [Telos_Fleet_V1_Origin] {
    guard sequence != 0 else { return [] }
    guard let slam = state.withLock({ $0.records[sequence] }) else {
      return [.with { $0.sequence = sequence }]
    }
    let own = Telos_Fleet_V1_Origin.with {
      $0.agent = slam.agent
      $0.sequence = sequence
      $0.atUnixMs = slam.atUnixMs
      $0.reason = slam.reason
      if slam.hasFile { $0.file = slam.file }
      if slam.hasDestination { $0.destination = slam.destination }
    }
    return [own] + slam.origins.prefix(Self.depth - 1)
  }

  /// Why an agent is tainted or slammed, in words; nil where the log does not tell.
  func cause(of agent: UInt64) -> String? {
    let record = state.withLock { $0.causes[AgentLaunch.name(agent)] }
    return record.map { record in
      let at = Date(timeIntervalSince1970: Double(record.atUnixMs) / 1000).rfc3339Milliseconds
      return "\(record.detail) (at \(at))"
    }
  }
}
