internal import EventLog
internal import FleetWire
internal import FoundationEssentials
internal import IntentCompiler
internal import Intents
internal import Kernel
internal import Logging
internal import TelosCore

/// Keeps an agent ready for each place that an intent names: whoever executes something there first becomes it.
///
/// A place stays its intent's as long as this node holds that intent, in its time or not; only a version that does not
/// name the place gives it up. What cannot be compiled here makes an agent that may do nothing, not none.
actor AgentPlaces {
  private let parts: NodeParts
  private let root: ControlGroupRoot
  /// What was said and still holds, to say it once.
  private var complaints: Set<String> = []
  private var failures: [CgroupPath: String] = [:]
  private var compared = ContinuousClock.now - AgentPlaces.comparing

  /// What systemd 255 and later executes in a unit's cgroup before the unit's own program.
  private static let executor = "/usr/lib/systemd/systemd-executor"
  /// How often agents that wait are held against what the node's files are now.
  private static let comparing = Duration.seconds(30)

  init(_ parts: NodeParts, below root: ControlGroupRoot) {
    self.parts = parts
    self.root = root
  }

  /// Call it every second or so: places of intents that are new or gone, and of agents that ended.
  func settle() async {
    guard let standing = parts.gates.proved else { return }
    let wanted = await wanted()
    let compare = ContinuousClock.now - compared > Self.comparing
    if compare { compared = .now }
    do throws(TelosError) {
      let table = standing.table
      let held = try await blocking { () throws(TelosError) in try table.places() }
      guard !(wanted.isEmpty && held.isEmpty) else { return }
      for (place, intent) in wanted {
        do throws(TelosError) {
          try await settle(place, intent, held[place.description], standing, compare)
        } catch { await complain("\(place): \(error)") }
      }
      let names = Set(wanted.map(\.place.description))
      let given = await released(held, names)
      try await blocking { () throws(TelosError) in
        for place in given { try table.release(place) }
        try table.sweepPlaces()
      }
      for place in given {
        parts.log.notice(
          "a cgroup is no longer a place of an agent", metadata: ["cgroup": "\(place)"])
      }
    } catch {
      parts.log.error("cannot maintain the places of agents", metadata: ["error": "\(error)"])
    }
  }

  /// Places that are given up: only where the intent that has them is held, readable, and does not name them any more. One
  /// that was lost, or that this version cannot read, keeps its places.
  private func released(_ held: [String: UInt64], _ names: Set<String>) async -> [String] {
    var released: [String] = []
    for (place, agent) in held where !names.contains(place) {
      guard let launch = parts.registry[agent]?.launch else { continue }
      if await parts.keeper.isHeld(launch.intent.name, from: launch.intent.version) {
        released.append(place)
      }
    }
    return released
  }

  private func settle(
    _ place: CgroupPath, _ intent: HeldIntent, _ held: UInt64?, _ standing: GateState.Standing,
    _ compare: Bool
  ) async throws(TelosError) {
    let (table, root, ttl) = (standing.table, root, intent.intent.ttl.seconds)
    if let held, let launch = parts.registry[held]?.launch, launch.intent == intent.object {
      let (record, isSettled) = try await blocking { () throws(TelosError) in
        (try table.agent(held), try table.settled().contains(held))
      }
      let ended = record.map { $0.hasStarted && $0.tasks == 0 && !isSettled } ?? true
      var fits = true
      if let record, !record.hasStarted, compare {
        let policy = await policy(of: intent, for: place, standing)
        fits = (try? table.verify(held, holds: policy)) != nil
      }
      if !ended && fits {
        return try await blocking { () throws(TelosError) in
          // Written anew now and then: the opener may have been upgraded.
          if !compare, try table.holds(place.description, for: held, below: root) { return }
          try table.hold(
            place.description, for: held, ttl: ttl, opener: Self.opener(standing), below: root)
        }
      }
    }
    let policy = await policy(of: intent, for: place, standing)
    let id = try await AgentStart(parts, standing).prepare(
      intent, policy, in: place.description
    ) { table, id throws(TelosError) in
      try table.hold(
        place.description, for: id, ttl: ttl, opener: Self.opener(standing), below: root)
    }
    parts.log.notice(
      "an agent waits in its place",
      metadata: [
        "agent": "\(AgentLaunch.name(id))", "intent": "\(intent.object.name)",
        "cgroup": "\(place)",
      ])
  }

  /// Nil where there is none, and where it cannot be told: systemd's units are refused then, not opened as nobody's.
  private static func opener(_ standing: GateState.Standing) -> FileIdentity? {
    guard FileStatus(executor) != nil else { return nil }
    return (try? standing.resolver.identities(of: executor))?.first
  }

  /// The intent as it is compiled now; nothing at all where that fails, or where no agent may start on this node.
  private func policy(
    of held: HeldIntent, for place: CgroupPath, _ standing: GateState.Standing
  ) async -> AgentPolicy {
    do throws(TelosError) {
      if let obstacle = parts.gates.obstacle { throw TelosError(.refused, obstacle) }
      try await parts.keeper.reverify(held)
      let policy = try await AgentStart(parts, standing).compile(
        held, root: "", workingDirectory: "/", nil
      ).policy
      if let failure = failures.removeValue(forKey: place) { complaints.remove(failure) }
      return policy
    } catch {
      let failure = "\(place): everything is denied there: \(error)"
      failures[place] = failure
      await complain(failure)
      var policy = AgentPolicy()
      policy.audit = held.intent.mode == .audit
      return policy
    }
  }

  /// Every place with its intent; of two intents for one, the first by name, so that it is nobody's in no case.
  private func wanted() async -> [(place: CgroupPath, intent: HeldIntent)] {
    var wanted: [(place: CgroupPath, intent: HeldIntent)] = []
    var seen: [CgroupPath: String] = [:]
    let own = CgroupMembership(of: "self")
    for intent in await parts.keeper.placed {
      for place in intent.intent.agents.places {
        if let own, place.contains(own.path) {
          await complain("\(place): the node itself runs there, so it cannot become an agent")
        } else if let other = seen.updateValue(intent.object.name, forKey: place) {
          seen[place] = other
          await complain(
            "\(place): \(intent.object.name) names it too, but it belongs to \(other)")
        } else {
          wanted.append((place, intent))
        }
      }
    }
    return wanted
  }

  private func complain(_ text: String) async {
    guard complaints.insert(text).inserted else { return }
    parts.log.error("a place cannot be given to an agent", metadata: ["reason": "\(text)"])
    _ = try? await parts.events.append([.node("place", text)])
  }
}

/// Where a process is in the tree of cgroups of version 2.
struct CgroupMembership {
  var path: String

  /// - Parameter process: a number, or `self`.
  init?(of process: String) {
    guard let bytes = try? DurableFile.read("/proc/\(process)/cgroup", limit: 1 << 16) else {
      return nil
    }
    // By bytes; a path that is not UTF-8 becomes one that no look-up finds.
    let line = bytes.split(separator: UInt8(ascii: "\n")).first { $0.starts(with: "0::/".utf8) }
    guard let line else { return nil }
    path = String(decoding: line.dropFirst(3), as: UTF8.self)
  }
}
