public import AddressSets
internal import FleetWire
internal import FoundationEssentials
internal import Intents
public import TelosCore
internal import Trust

/// From verified to in force.
extension ObjectKeeper {
  func verify(_ envelope: Envelope, _ role: Role) throws(Refusal) -> ReadObject {
    let verified = try state.root.verify(envelope, as: role, now: clock())
    return try ReadObject(role, payload: verified.payload)
  }

  /// Stores, applies and reads back. What the kernel refuses leaves in force, here and on disk, what was.
  func hold(_ read: ReadObject, _ object: ObjectVersion, _ bytes: Data) async -> Answer {
    do throws(TelosError) {
      let isApplied = read.isApplied
      if case .neverBlock = read.content {
        var next = state
        next.enter(read, object)
        try enforcement.checkRoom(neverBlock: spared(by: next, inherited: AddressSet()))
      }
      // On disk before in force: a version that was ever used is never forgotten.
      try await database.accept(
        HeldObject(object: object, bytes: bytes, isInForce: !isApplied),
        at: Machine.unixMilliseconds)
      state.accepted(object)
      let before = (state, inherited)
      state.enter(read, object)
      if isApplied {
        // What only the kernel remembers ends with the first set that says what is never blocked.
        if case .neverBlock = read.content { inherited = AddressSet() }
        do throws(TelosError) { try await applySets() } catch {
          (state, inherited) = before
          throw error
        }
        try await database.enforced(object)
      }
      state.enforced(object)
      if case .neverBlock = read.content, read.header.expires <= clock() {
        await report(
          object,
          Refusal(
            .expired,
            "it expired at \(read.header.expires.rfc3339) and is in force all the same: what it names stays unblocked"
          ))
      }
      return .held(object)
    } catch {
      return .failed(object, error)
    }
  }

  /// When the first of the never-block sets in force expires, or did; nil without one.
  var neverBlockExpires: Date? { state.neverBlock.values.map(\.header.expires).min() }

  /// Never-block first, so that no set is in force without it for a moment.
  func applySets() async throws(TelosError) {
    let spared = spared(by: state, inherited: inherited)
    try await enforcement.hold(neverBlock: spared)
    if let effective = state.effectiveSet() {
      let report = effective.set.subtracting(neverBlock: spared)
      if !report.conflicts.isEmpty { await tell(report.conflicts) }
      // Of several scopes together there may be more than of one.
      guard report.set.count <= IPSetStatement.maximumEntries else {
        throw TelosError(
          .invalidArgument,
          "the IP sets of all scopes have \(report.set.count) entries; at most \(IPSetStatement.maximumEntries) are taken"
        )
      }
      try await enforcement.hold(
        set: report.set, version: effective.version, digest: effective.digest)
    }
    problem = nil
  }

  private func spared(by state: HeldState, inherited: AddressSet) -> AddressSet {
    var spared = local.adding(inherited)
    for statement in state.neverBlock.values {
      if let set = try? statement.set { spared = spared.adding(set) }
    }
    return spared
  }

  private func tell(_ conflicts: [NeverBlockReport.Conflict]) async {
    let named = conflicts.prefix(8).map { "\($0.entry) (\($0.outcome.rawValue), \($0.neverBlock))" }
    let more = conflicts.count > 8 ? " and \(conflicts.count - 8) more" : ""
    await report(
      state.sets.values.first?.object,
      Refusal(
        .neverBlocked,
        "the set contains addresses that this node never blocks: \(named.joined(separator: ", "))\(more)"
      ))
  }

  /// Takes up what was held before a restart: no network, no clock. What cannot be read is reported and left out; what the
  /// kernel does not take leaves in force what is, and is a problem.
  ///
  /// - Parameters:
  ///   - local: what this machine never blocks by itself.
  ///   - present: what the kernel never blocks now. It goes on with that where the sets that said so are lost.
  public func restore(local: AddressSet, present: AddressSet) async throws(TelosError) {
    await turn.take()
    defer { turn.give() }
    self.local = local
    var lost = database.damage?.isLost == true
    for object in try await database.floors() { state.accepted(object) }
    var accepted: [(read: ReadObject, held: HeldObject)] = []
    var enforced: [(read: ReadObject, held: HeldObject)] = []
    for held in try await database.objects() {
      do throws(Refusal) {
        let envelope = try Envelope(wire: held.bytes)
        guard let role = Role(payloadType: envelope.payloadType) else {
          throw Refusal(.wrongType, "no object has the type \"\(envelope.payloadType)\"")
        }
        state.accepted(held.object)
        if role == .root {
          try restoreRoot(envelope)
          continue
        }
        let read = try ReadObject(role, payload: envelope.payload)
        if held.isInForce { enforced.append((read, held)) } else { accepted.append((read, held)) }
      } catch {
        if held.object.kind == .neverBlock { lost = true }
        await report(held.object, error)
      }
    }
    if lost { inherited = present }
    // The pinned root is held, too, when the database lost it.
    state.accepted(state.root.object)
    state.enforced(state.root.object)
    do throws(TelosError) { try await takeUp(enforced) } catch {
      problem = "what was in force could not be restored: \(error)"
      return
    }
    // A version that was accepted, and not in force when the daemon ended, has another try, and stays away if it fails.
    for (read, held) in accepted {
      if case .set = read.content, state.missingNeverBlock != nil { continue }
      _ = await hold(read, held.object, held.bytes)
    }
  }

  private func takeUp(_ objects: [(read: ReadObject, held: HeldObject)]) async throws(TelosError) {
    for (read, held) in objects {
      state.enter(read, held.object)
      if !read.isApplied { state.enforced(held.object) }
    }
    try await applySets()
    for (read, held) in objects where read.isApplied { state.enforced(held.object) }
  }

  private func restoreRoot(_ envelope: Envelope) throws(Refusal) {
    let stored = try TrustedRoot.restored(envelope: envelope)
    if stored.version > state.root.version { state.root = stored }
  }

  /// The intent under which an agent may start now, verified again under the present root.
  ///
  /// - Throws: `not-found` when the node does not hold it, `refused` with the reason otherwise.
  public func startable(_ name: String) async throws(TelosError) -> HeldIntent {
    guard let intent = state.intents[name], state.inForce.contains(intent.object) else {
      throw TelosError(
        .notFound, "this node does not hold an intent named \"\(name.prefix(128))\"",
        hint: "`telos intent list` shows the intents and how many nodes hold them")
    }
    guard intent.statement.expires > clock() else {
      throw TelosError(
        .refused, "the intent \(name) expired at \(intent.statement.expires.rfc3339)",
        hint: "sign and apply it again: telos intent sign, telos intent apply")
    }
    guard intent.statement.nodes.matches(labels) else {
      throw TelosError(.refused, "the intent \(name) is not for a node with these labels")
    }
    let named = state.manifest(for: .intent, name)?[.intent, name]
    guard named == intent.object else {
      throw TelosError(
        .refused,
        named == nil
          ? "the fleet's manifest no longer names the intent \(name)"
          : "the fleet's manifest names another version of the intent \(name)",
        hint: "wait until the node has received the current version")
    }
    try await reverify(intent)
    return intent
  }

  /// Intents in force here that name agents, by name: also those that expired or that no manifest names any more, because
  /// what a node holds stays enforced.
  public var placed: [HeldIntent] {
    state.intents.values.filter {
      !$0.intent.agents.isEmpty && state.inForce.contains($0.object)
        && $0.statement.nodes.matches(labels)
    }.sorted { $0.object.name < $1.object.name }
  }

  /// Whether this intent is in force here in that version or a later one, and was read.
  func isHeld(_ name: String, from version: UInt64) -> Bool {
    guard let intent = state.intents[name] else { return false }
    return intent.object.version >= version && state.inForce.contains(intent.object)
  }

  func reverify(_ intent: HeldIntent) async throws(TelosError) {
    guard let held = try await database.object(.intent, intent.object.name) else {
      throw TelosError(.corrupt, "the node's database lost the intent \(intent.object.name)")
    }
    do throws(Refusal) {
      _ = try state.root.verifyHeld(try Envelope(wire: held.bytes), as: .intent)
      try state.root.statement.checkEra(intent.object)
    } catch {
      await report(intent.object, error)
      throw error.telosError
    }
  }
}
