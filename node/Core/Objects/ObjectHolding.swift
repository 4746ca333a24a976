internal import AddressSets
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

  /// Stores, applies and reads back.
  func hold(_ read: ReadObject, _ object: ObjectVersion, _ bytes: Data) async -> Answer {
    do throws(TelosError) {
      // On disk before in force: a version that was ever used is never forgotten.
      try await database.accept(
        HeldObject(object: object, bytes: bytes), at: Machine.unixMilliseconds)
      state.accepted(object)
      enter(read, object)
      switch read.content {
      case .neverBlock, .set: try await applySets()
      case .manifest, .intent: break
      }
      state.inForce.insert(object)
      return .held(object)
    } catch {
      return .failed(object, error)
    }
  }

  private func enter(_ read: ReadObject, _ object: ObjectVersion) {
    switch read.content {
    case .manifest(let statement): state.manifests[object.name] = statement
    case .neverBlock(let statement): state.neverBlock[object.name] = statement
    case .set(let statement): state.sets[object.name] = (object, statement.set)
    case .intent(let statement, let intent):
      state.intents[object.name] = HeldIntent(
        object: object, statement: statement, intent: intent)
    }
  }

  /// Never-block first, so that no set is in force without it for a moment.
  func applySets() async throws(TelosError) {
    var spared = state.neverBlock.isEmpty ? local.adding(inherited) : local
    for statement in state.neverBlock.values {
      if let set = try? statement.set { spared = spared.adding(set) }
    }
    try await enforcement.hold(neverBlock: spared)
    guard let effective = state.effectiveSet() else { return }
    let report = effective.set.subtracting(neverBlock: spared)
    if !report.conflicts.isEmpty { await tell(report.conflicts) }
    try await enforcement.hold(
      set: report.set, version: effective.version, digest: effective.digest)
    for value in state.sets.values { state.inForce.insert(value.object) }
  }

  private func tell(_ conflicts: [NeverBlockReport.Conflict]) async {
    let named = conflicts.prefix(8).map { "\($0.entry) (\($0.outcome.rawValue), \($0.neverBlock))" }
    let more = conflicts.count > 8 ? " and \(conflicts.count - 8) more" : ""
    await report(
      state.sets.values.first?.object,
      Refusal(
        .neverBlocked,
        "the set names what this node never blocks: \(named.joined(separator: ", "))\(more)"))
  }

  /// Takes up what was held before a restart: no network, no clock. What cannot be read is reported and left out.
  ///
  /// - Throws: when the sets could not be put in force.
  public func restore() async throws(TelosError) {
    for held in try await database.objects() {
      do throws(Refusal) {
        let envelope = try Envelope(wire: held.bytes)
        guard let role = Role(payloadType: envelope.payloadType) else {
          throw Refusal(.wrongType, "no object has the type \"\(envelope.payloadType)\"")
        }
        if role == .root {
          try restoreRoot(envelope)
          continue
        }
        state.accepted(held.object)
        enter(try ReadObject(role, payload: envelope.payload), held.object)
        if role == .manifest || role == .intent { state.inForce.insert(held.object) }
      } catch { await report(held.object, error) }
    }
    // The pinned root is held, too, when the database lost it.
    state.accepted(state.root.object)
    state.inForce.insert(state.root.object)
    try await applySets()
    for object in state.accepted where object.kind == .neverBlock { state.inForce.insert(object) }
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
        hint: "telos intent list shows what is signed and which nodes hold it")
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
        hint: "wait for the node to receive the present version")
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

  func reverify(_ intent: HeldIntent) async throws(TelosError) {
    guard let held = try await database.object(.intent, intent.object.name) else {
      throw TelosError(.corrupt, "the node's database lost the intent \(intent.object.name)")
    }
    do throws(Refusal) {
      _ = try state.root.verifyHeld(try Envelope(wire: held.bytes), as: .intent)
    } catch {
      await report(intent.object, error)
      throw error.telosError
    }
  }
}
