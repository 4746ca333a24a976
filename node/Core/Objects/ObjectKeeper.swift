public import AddressSets
internal import FleetWire
public import FoundationEssentials
public import TelosCore
public import Trust

/// Decides on every signed object: verifies it, stores it, puts it in force, and answers.
///
/// An object is answered `held` only when it is verified, on disk and, read back, in force. Calls run one after the
/// other, in the order in which they were made.
public actor ObjectKeeper {
  /// What becomes of an object; the coordinator gets it as a receipt.
  public enum Answer: Sendable, Hashable {
    case held(ObjectVersion)
    /// A refusal has one of Trust's codes.
    case refused(ObjectVersion?, Refusal)
    /// Accepted and stored, but the kernel would not take it.
    case failed(ObjectVersion, TelosError)
  }

  /// Something a person should hear of: a refusal, or never-blocked entries of a set.
  public typealias Report = @Sendable (ObjectVersion?, Refusal) async -> Void

  struct Waiting {
    var claimed: ObjectVersion?
    var bytes: Data
    var since: Date
  }

  let database: NodeDatabase
  let labels: Labels
  let enforcement: any SetEnforcement
  let report: Report
  let clock: @Sendable () -> Date
  /// Writes the newest root beside the database, which may be lost.
  let rootFile: String
  var state: HeldState
  var local = AddressSet()
  /// What the kernel spared before the sets that said so were lost, until one of them is held again.
  var inherited = AddressSet()
  var waiting: [Waiting] = []
  let turn = Turn()
  /// Why the sets in force are not those that are held; nil when they are.
  var problem: String?

  /// Objects that may wait for the manifest that names them, and their bytes.
  static let maximumWaiting = (count: 256, bytes: 128 << 20)
  /// Scopes of one kind that a node holds objects of: one who has an online key could make up any number that fit its labels.
  static let maximumScopes = 16
  /// Seconds that an object waits for the manifest that names it.
  static let patience: TimeInterval = 10

  public init(
    root: TrustedRoot, labels: Labels, database: NodeDatabase, rootFile: String,
    enforcement: any SetEnforcement, clock: @escaping @Sendable () -> Date = { Date() },
    report: @escaping Report
  ) {
    state = HeldState(root: root)
    self.labels = labels
    self.database = database
    self.rootFile = rootFile
    self.enforcement = enforcement
    self.clock = clock
    self.report = report
  }

  /// What is in force.
  public var held: [ObjectVersion] {
    state.inForce.sorted { ($0.kind.rawValue, $0.name) < ($1.kind.rawValue, $1.name) }
  }

  /// What a hello names: of intents only those that a manifest names. The others are the coordinator's no longer, and a hello has
  /// room for as many objects as a manifest has.
  public var greeted: [ObjectVersion] {
    held.filter { $0.kind != .intent || state.isNamed(.intent, $0.name) }
  }

  public var root: TrustedRoot { state.root }

  /// Nil before the first.
  public var manifest: ManifestStatement? { state.manifests[""] }

  /// When a manifest, or the root, is in its time.
  public var isCurrent: Bool {
    let now = clock()
    return state.root.expires > now && (state.manifests[""].map { $0.expires > now } ?? false)
  }

  /// The set in force by its entries; nil before the first.
  public var setEntries: Int? { state.effectiveSet()?.set.count }

  /// Takes an object as it came.
  ///
  /// - Parameter claimed: what the sender says that it is.
  /// - Returns: answers to this object, or to earlier ones that waited for it; none while this one waits.
  public func receive(_ bytes: Data, claimed: ObjectVersion?) async -> [Answer] {
    await turn.take()
    defer { turn.give() }
    guard let answer = await decide(Waiting(claimed: claimed, bytes: bytes, since: clock())) else {
      return []
    }
    var answers = [answer]
    if case .held(let object) = answer, [.manifest, .root, .neverBlock].contains(object.kind) {
      answers += await retryWaiting()
    }
    return answers
  }

  /// Answers objects that have waited too long for a manifest. Call it every second or so.
  public func tick() async -> [Answer] {
    guard !waiting.isEmpty else { return [] }
    await turn.take()
    defer { turn.give() }
    return await retryWaiting()
  }

  /// What this machine never blocks by itself; changes when its network does.
  public func setLocalNeverBlock(_ set: AddressSet) async throws(TelosError) {
    await turn.take()
    defer { turn.give() }
    guard set != local else { return }
    local = set
    try await applySets()
  }

  private func retryWaiting() async -> [Answer] {
    let candidates = waiting
    waiting = []
    var answers: [Answer] = []
    for candidate in candidates {
      if let answer = await decide(candidate) { answers.append(answer) }
    }
    return answers
  }

  /// Nil: it waits.
  private func decide(_ candidate: Waiting) async -> Answer? {
    do throws(Refusal) {
      let envelope = try Envelope(wire: candidate.bytes)
      guard let role = Role(payloadType: envelope.payloadType) else {
        throw Refusal(.wrongType, "no object has the type \"\(envelope.payloadType.prefix(80))\"")
      }
      if let claimed = candidate.claimed, claimed.kind != role.kind {
        throw Refusal(
          .wrongType, "it was announced as \(claimed.kind.rawValue) but is \(role.kind.rawValue)")
      }
      if role == .root { return await takeRoot(envelope, candidate) }
      let read = try verify(envelope, role)
      let object = read.header.object(envelope.digest)
      if let claimed = candidate.claimed, claimed != object {
        throw Refusal(.wrongDigest, "it is not the object that was announced", object: object)
      }
      if state.inForce.contains(object) { return .held(object) }
      guard state.hasRoom(for: object, scopes: Self.maximumScopes) else {
        throw Refusal(
          .oversized,
          "the node holds \(object.kind.rawValue) objects of \(Self.maximumScopes) scopes already",
          object: object)
      }
      do throws(Refusal) {
        try Acceptance(
          root: state.root.statement, held: state.floor(object.kind, object.name), labels: labels,
          manifest: state.manifest(for: object.kind, object.name), now: clock()
        ).check(read.header, digest: object.digest)
      } catch {
        guard error.code == .notInManifest, mayWait(object), hasRoom(candidate) else {
          throw error.naming(object)
        }
        waiting.append(candidate)
        return nil
      }
      if object.kind == .ipset, let missing = state.missingNeverBlock {
        guard hasRoom(candidate) else {
          return .failed(
            object,
            TelosError(
              .unavailable,
              "the never-block set \"\(missing.name)\" that the manifest names is not in force here, and no set may be applied before it"
            ))
        }
        waiting.append(candidate)
        return nil
      }
      return await hold(read, object, candidate.bytes)
    } catch {
      let object = error.object ?? candidate.claimed
      await report(object, error)
      return .refused(object, error)
    }
  }

  /// A manifest that names an older version, or none, may be about to be replaced.
  private func mayWait(_ object: ObjectVersion) -> Bool {
    let named = state.manifest(for: object.kind, object.name)?[object.kind, object.name]
    return named.map { $0.version < object.version } ?? true
  }

  private func hasRoom(_ candidate: Waiting) -> Bool {
    guard clock().timeIntervalSince(candidate.since) < Self.patience,
      waiting.count < Self.maximumWaiting.count
    else { return false }
    return waiting.reduce(candidate.bytes.count) { $0 + $1.bytes.count }
      <= Self.maximumWaiting.bytes
  }

  private func takeRoot(_ envelope: Envelope, _ candidate: Waiting) async -> Answer {
    do throws(Refusal) {
      let next = try state.root.followed(by: envelope)
      let object = next.object
      if let claimed = candidate.claimed, claimed != object {
        throw Refusal(.wrongDigest, "it is not the root that was announced", object: object)
      }
      do throws(TelosError) {
        try TwinFile.write(envelope.json, to: rootFile)
        try await database.accept(
          HeldObject(object: object, bytes: candidate.bytes), at: Machine.unixMilliseconds)
      } catch { return .failed(object, error) }
      state.root = next
      state.accepted(object)
      state.enforced(object)
      return .held(object)
    } catch {
      let object = error.object ?? candidate.claimed
      await report(object, error)
      return .refused(object, error)
    }
  }
}
