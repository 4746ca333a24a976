internal import FoundationEssentials
internal import IntentCompiler
internal import Kernel
internal import Synchronization
internal import TelosAPI
internal import TelosCore

/// The agents that this node started, by id: what the kernel's records do not say. Events of ended ones may still come.
final class AgentRegistry: Sendable {
  struct Entry: Sendable {
    var launch: AgentLaunch
    var denials: [SelfReport.Denial] = []
    var hasEnded = false
  }

  /// Denials that an agent is told of.
  static let remembered = 32
  /// Ended agents that are still known.
  static let lingering = 1000

  /// What was found out about programs, for the next agent.
  let programs = CompileMemory()

  private let entries = Mutex<[UInt64: Entry]>([:])
  private let told = Mutex<[ObjectVersion: Set<String>]>([:])

  subscript(id: UInt64) -> Entry? { entries.withLock { $0[id] } }

  /// Those that have not ended, oldest first.
  var alive: [AgentLaunch] {
    entries.withLock { $0.values.filter { !$0.hasEnded }.map(\.launch) }.sorted { $0.id < $1.id }
  }

  func add(_ launch: AgentLaunch, hasEnded: Bool = false) {
    entries.withLock { $0[launch.id] = Entry(launch: launch, hasEnded: hasEnded) }
  }

  func remove(_ id: UInt64) { entries.withLock { _ = $0.removeValue(forKey: id) } }

  /// Of what was left out of an intent, what was not said before of this version.
  func untold(_ notes: [String], of intent: ObjectVersion) -> [String] {
    told.withLock { told in
      if told.count > 256 { told = [:] }
      var known = told[intent] ?? []
      let new = notes.filter { known.insert($0).inserted }
      if !new.isEmpty { told[intent] = known }
      return new
    }
  }

  /// - Returns: those that had not been marked before.
  func end(_ ids: [UInt64]) -> [AgentLaunch] {
    entries.withLock { entries in
      var ended: [AgentLaunch] = []
      for id in ids where entries[id]?.hasEnded == false {
        entries[id]?.hasEnded = true
        if let launch = entries[id]?.launch { ended.append(launch) }
      }
      let gone = entries.filter { $0.value.hasEnded }.keys.sorted()
      for id in gone.dropLast(Self.lingering) { entries[id] = nil }
      return ended
    }
  }

  func remember(_ denial: SelfReport.Denial, of id: UInt64) {
    entries.withLock { entries in
      guard var entry = entries[id] else { return }
      entry.denials.append(denial)
      if entry.denials.count > Self.remembered { entry.denials.removeFirst() }
      entries[id] = entry
    }
  }
}
