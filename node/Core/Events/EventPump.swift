internal import EventLog
internal import FleetWire
internal import FoundationEssentials
internal import Glibc
internal import Kernel
internal import Logging
internal import Synchronization
internal import TelosAPI
internal import TelosCore

/// From the kernel's rings into the log. It works on the thread that reads the rings and returns only when the disk has
/// what came: while it waits, the kernel keeps the rest.
final class EventPump: Sendable {
  private struct State {
    var gaps: SequenceGaps
    /// Of every agent that holds a slot: its events that the kernel withheld and of which a record tells.
    var withheld: [UInt64: UInt64]
    /// Events that could not be written and of which no record tells yet.
    var unwritten: UInt64 = 0
    /// When the rings were last found empty, on the boot clock; nil while what they had is not noted yet.
    var emptied: UInt64?
  }
  private let eventLog: EventLog
  private let registry: AgentRegistry
  private let slams: SlamRecords
  private let log: Logger
  /// Called as soon as agents are slammed or ended: the first before the log has it. Must not block.
  private let onSlam: @Sendable (KernelEvent) -> Void
  private let onEnd: @Sendable ([UInt64]) -> Void
  private let state: Mutex<State>

  init(
    eventLog: EventLog, registry: AgentRegistry, slams: SlamRecords, log: Logger,
    onSlam: @escaping @Sendable (KernelEvent) -> Void, onEnd: @escaping @Sendable ([UInt64]) -> Void
  ) async {
    self.eventLog = eventLog
    self.registry = registry
    self.slams = slams
    self.log = log
    self.onSlam = onSlam
    self.onEnd = onEnd
    var past: (last: UInt64?, withheld: [UInt64: UInt64]) = (nil, [:])
    do throws(TelosError) { past = try await Self.past(eventLog, registry, slams) } catch {
      log.error(
        "the event log cannot be read back, so later denials will not be linked to earlier slams",
        metadata: ["error": "\(error)"])
    }
    state = Mutex(State(gaps: SequenceGaps(after: past.last), withheld: past.withheld))
  }

  /// Reads what the log still has: slams, to link later denials to them, the last kernel sequence of this
  /// boot, and what running agents were refused.
  private static func past(_ log: EventLog, _ registry: AgentRegistry, _ slams: SlamRecords)
    async throws(TelosError) -> (last: UInt64?, withheld: [UInt64: UInt64])
  {
    var withheld: [UInt64: UInt64] = [:]
    var last: UInt64?
    var boot = ""
    var sequence: UInt64 = 0
    while true {
      let records = try await log.read(after: sequence)
      guard let newest = records.last else { return (last, withheld) }
      sequence = newest.sequence
      for record in records {
        if record.eventKind == .node, record.reason == "started", record.detail != boot {
          // The detail names the boot: the kernel counts anew in each.
          boot = record.detail
          last = nil
          slams.beginBoot()
        }
        if record.eventKind == .lost, let agent = UInt64(record.agent, radix: 16) {
          withheld[agent, default: 0] += record.count
        }
        guard record.kernelSequence != 0 else { continue }
        last = max(last ?? 0, record.kernelSequence)
        guard let agent = UInt64(record.agent, radix: 16) else { continue }
        slams.add(record)
        if record.eventKind == .denied { registry.remember(SelfReport.Denial(record), of: agent) }
      }
    }
  }

  /// For how long the rings count as empty after they were found so; nanoseconds. They are looked at ten times a second,
  /// unless the reader has much to read, or no processor.
  private static let freshness: UInt64 = 500_000_000

  /// Takes one batch of the rings; nothing says that they are empty. Never throws: what cannot be written after a few
  /// tries is counted as lost.
  func take(_ events: [KernelEvent]) {
    guard !events.isEmpty else { return state.withLock { $0.emptied = BootClock.now } }
    state.withLock { $0.emptied = nil }
    for event in events where event.kind == .slammed { onSlam(event) }
    let slams = events.filter { $0.kind == .slammed }
    let others = events.filter { $0.kind != .slammed }
    for run in Self.runs(slams) { write(run) }
    write(others)
    tellWithheld(
      Dictionary(events.map { ($0.agent, UInt64($0.withheld)) }, uniquingKeysWith: max))
    let ended = events.filter { $0.kind == .ended }.map(\.agent)
    if !ended.isEmpty { onEnd(ended) }
    let lost = state.withLock { $0.gaps.see(events.map(\.sequence), now: BootClock.now) }
    tell(lost)
  }

  /// Tells of losses when nothing comes any more; while the rings have something, nobody knows what is lost. Call it
  /// every few seconds.
  ///
  /// - Parameters:
  ///   - reached: how far the kernel has numbered its records.
  ///   - withheld: what the kernel has withheld of each agent so far; an agent may end, or fall silent, without a record
  ///     that says so.
  func tick(reached: UInt64?, withheld: [UInt64: UInt64] = [:]) {
    tellWithheld(withheld)
    let lost = state.withLock { state -> UInt64 in
      let now = BootClock.now
      guard let emptied = state.emptied, now - min(now, emptied) < Self.freshness else { return 0 }
      let behind = reached.map { state.gaps.reach($0, now: now) } ?? 0
      return behind + state.gaps.expire(now: now)
    }
    tell(lost)
  }

  private func tell(_ lost: UInt64) {
    guard lost > 0 else { return }
    log.error("events of the kernel were lost", metadata: ["count": "\(lost)"])
    append([.lost(lost, "ring-full", "\(lost) events did not fit into the kernel's ring buffer")])
  }

  /// A record for each agent of which the kernel withheld more than was told.
  private func tellWithheld(_ counts: [UInt64: UInt64]) {
    let records = state.withLock { state in
      var records: [Telos_Fleet_V1_Event] = []
      for (agent, count) in counts where agent != 0 && count > state.withheld[agent, default: 0] {
        let told = state.withheld.updateValue(count, forKey: agent) ?? 0
        records.append(.withheld(count - told, agent, registry[agent]?.launch))
      }
      return records
    }
    if !records.isEmpty { append(records) }
  }

  /// Forgets agents whose slots are free: no record of theirs comes any more.
  func forget(_ agents: [UInt64]) {
    state.withLock { state in for agent in agents { state.withheld[agent] = nil } }
  }

  private func write(_ events: [KernelEvent]) {
    guard !events.isEmpty else { return }
    var records = events.map { event in
      let linked = slams.sequence(of: event.linked)
      return Telos_Fleet_V1_Event(
        event, launch: registry[event.agent]?.launch, linked: linked,
        origins: event.kind == .slammed ? slams.origins(of: linked) : [])
    }
    for (event, record) in zip(events, records) where event.kind == .denied {
      registry.remember(SelfReport.Denial(record), of: event.agent)
    }
    guard let sequences = append(records) else { return }
    for (index, sequence) in zip(records.indices, sequences) {
      records[index].sequence = sequence
      slams.add(records[index])
    }
  }

  /// Slams in their order, so that none came from one of its own run: that one has to have its place in the log first.
  static func runs(_ events: [KernelEvent]) -> [[KernelEvent]] {
    var runs: [[KernelEvent]] = []
    for event in events {
      if let last = runs.last, !last.contains(where: { $0.sequence == event.linked }) {
        runs[runs.count - 1].append(event)
      } else {
        runs.append([event])
      }
    }
    return runs
  }

  @discardableResult
  private func append(_ records: [Telos_Fleet_V1_Event]) -> [UInt64]? {
    // Taken, so that no other thread tells of the same.
    let unwritten = state.withLock { state in
      defer { state.unwritten = 0 }
      return state.unwritten
    }
    let late: [Telos_Fleet_V1_Event] =
      unwritten == 0
      ? [] : [.lost(unwritten, "unwritten", "\(unwritten) events could not be written to disk")]
    for attempt in 0..<5 {
      do throws(TelosError) {
        let sequences = try eventLog.appendBlocking(late + records)
        return Array(sequences.dropFirst(late.count))
      } catch {
        log.error(
          "cannot log events", metadata: ["count": "\(records.count)", "error": "\(error)"])
        if attempt < 4 { usleep(500_000) }
      }
    }
    state.withLock { $0.unwritten += unwritten + UInt64(records.count) }
    return nil
  }
}

extension SelfReport.Denial {
  init(_ record: Telos_Fleet_V1_Event) {
    let destination = record.destination
    self.init(
      at: Date(timeIntervalSince1970: Double(record.atUnixMs) / 1000).rfc3339Milliseconds,
      gate: record.gate, reason: record.reason,
      detail: "\(record.detail): \(Reason.words(record.reason))",
      path: record.hasFile && !record.file.path.isEmpty ? record.file.path : nil,
      destination: record.hasDestination
        ? Event.Destination(
          address: destination.address, port: destination.port, protocol: destination.protocol
        ).text : nil)
  }
}
