internal import FoundationEssentials
internal import IntentCompiler
internal import Intents
internal import Kernel
internal import Logging
internal import TelosAPI
internal import TelosCore

/// From a container that was made and has not started yet to an agent whose cgroup it is.
struct AgentBinding: Sendable {
  var parts: NodeParts
  var root: ControlGroupRoot

  /// Annotations with this beginning ask for an intent: none is a refusal.
  static let prefix = "telos.dev/"

  func bind(_ request: BindRequest) async throws(TelosError) -> BindAnswer {
    try request.check()
    let meant = await parts.keeper.placed.filter { $0.intent.agents.match(request.annotations) }
    guard let held = meant.first else {
      guard !request.annotations.keys.contains(where: { $0.hasPrefix(Self.prefix) }) else {
        throw TelosError(
          .refused, "this node holds no intent whose agents.labels these annotations fulfil",
          hint: "`telos intent list` shows the intents and how many nodes hold them")
      }
      return BindAnswer()
    }
    guard meant.count == 1 else {
      throw TelosError(
        .refused,
        "more than one intent matches this container: \(meant.map(\.object.name).joined(separator: ", "))",
        hint: "change the labels so that only one intent matches")
    }
    do throws(TelosError) {
      return try await bind(request, held.object.name)
    } catch {
      // A node that is full is not one that cannot be reached.
      guard error.code == .unavailable else { throw error }
      throw TelosError(.refused, error.message, hint: error.hint)
    }
  }

  private func bind(_ request: BindRequest, _ name: String) async throws(TelosError) -> BindAnswer {
    let standing = try parts.gates.requireEnforcing()
    let held = try await parts.keeper.startable(name)
    let (place, number) = try cgroup(of: request.pid)
    let start = AgentStart(parts, standing)
    let root = "/proc/\(request.pid)/root\(request.root)"
    let policy = try await start.compile(held, root: root, workingDirectory: "/", nil).policy
    let ttl = policy.ttl
    let id = try await start.prepare(
      held, policy, in: place, process: "\(request.pid)", root: root
    ) { table, id throws(TelosError) in
      try table.bind(cgroup: number, to: id, ttl: ttl)
    }
    let now = try? cgroup(of: request.pid)
    guard now?.number == number else {
      try? standing.table.unbind(cgroup: number)
      throw TelosError(.conflict, "the process \(request.pid) left its cgroup meanwhile")
    }
    parts.log.notice(
      "an agent waits for its container",
      metadata: [
        "agent": "\(AgentLaunch.name(id))", "intent": "\(name)", "cgroup": "\(place)",
      ])
    return BindAnswer(agent: AgentLaunch.name(id), intent: name)
  }

  private func cgroup(of pid: Int32) throws(TelosError) -> (place: String, number: UInt64) {
    guard let membership = CgroupMembership(of: "\(pid)"), membership.path != "/",
      let number = root.number(of: membership.path)
    else {
      throw TelosError(
        .refused, "the process \(pid) has no cgroup of its own in the tree of version 2",
        hint: "containers need the unified hierarchy (cgroup v2)")
    }
    let place = try? CgroupPath(membership.path)
    let own = CgroupMembership(of: "self")
    guard let place, own.map({ !place.contains($0.path) }) ?? true else {
      throw TelosError(
        .refused, "the cgroup \(membership.path) is too deep, or not the container's alone")
    }
    return (membership.path, number)
  }
}
