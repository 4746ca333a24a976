internal import FoundationEssentials
internal import TelosCore
internal import Trust

/// What one node has, has been sent and has refused: decides what to send next. No clock, no stream: they are given.
///
/// Nothing is ever sent twice on one stream: it is reliable and keeps its order, so a second copy could only make it slower.
struct SyncState: Sendable {
  struct Key: Hashable, Sendable {
    var kind: ObjectKind
    var name: String
  }

  enum Outgoing: Sendable, Hashable {
    case object(StoredObject)
    case withdrawn(ObjectVersion)
  }

  private struct Refused: Sendable {
    var object: ObjectVersion
    var code: String
    /// Of the manifest that was published then.
    var manifest: UInt64
  }

  private struct Sent: Sendable {
    var bytes: Int
    var since: Date
  }

  /// A node answers an object within this time and the time that its bytes take on a slow line; otherwise its stream ends.
  static let patience: TimeInterval = 120
  /// The same while others wait for the room that its objects take.
  static let patienceInLine: TimeInterval = 30
  static let slowestBytesPerSecond = 64 << 10
  static let maximumWindow = 64
  /// Refusals that no other manifest or root turns round: such a version is not sent again on this stream.
  static let permanent: Set<String> = Set(
    [RefusalCode.truncated, .oversized, .malformed, .wrongType, .badSignature, .rollback]
      .map(\.rawValue))

  let labels: Labels
  /// How many objects may be on their way without a receipt.
  private var window: Int
  private var held: [Key: ObjectVersion]
  private var refused: [Key: Refused] = [:]
  private var inFlight: [ObjectVersion: Sent] = [:]
  private var answered: Date
  private var withdrawn: Set<ObjectVersion> = []

  init(labels: Labels, held: [ObjectVersion], credits: UInt32, now: Date) {
    self.labels = labels
    answered = now
    self.held = Dictionary(
      held.map { (Key(kind: $0.kind, name: $0.name), $0) },
      uniquingKeysWith: { $0.version > $1.version ? $0 : $1 })
    window = min(Int(credits), Self.maximumWindow)
  }

  mutating func allow(credits: UInt32) { window = min(Int(credits), Self.maximumWindow) }

  /// Bytes of what was sent and not answered.
  var bytesInFlight: Int { inFlight.values.reduce(0) { $0 + $1.bytes } }

  /// When the stream ends unless the node has answered something; nil while nothing is on its way.
  ///
  /// - Parameter patience: seconds that a node has for an answer, apart from what its line takes.
  func deadline(_ patience: TimeInterval = Self.patience) -> Date? {
    guard let oldest = inFlight.values.map(\.since).min() else { return nil }
    let time = Double(bytesInFlight) / Double(Self.slowestBytesPerSecond)
    return max(oldest, answered).addingTimeInterval(patience + time)
  }

  /// What to send now, in order; what is returned counts as sent.
  ///
  /// - Parameter room: whether so many bytes more may go. Behind the first object that has to wait, all others wait too: their
  ///   order is the one in which a node can take them.
  mutating func next(
    _ publication: Publication, now: Date, room: (Int) -> Bool = { _ in true }
  ) -> [Outgoing] {
    var outgoing: [Outgoing] = []
    var wanted: Set<Key> = []
    var hasRoom = true
    for stored in publication.objects where stored.selector.matches(labels) {
      let object = stored.object
      let key = Key(kind: object.kind, name: object.name)
      wanted.insert(key)
      guard hasRoom, inFlight.count < window, needs(object, key, publication) else { continue }
      hasRoom = room(stored.envelope.count)
      guard hasRoom else { continue }
      inFlight[object] = Sent(bytes: stored.envelope.count, since: now)
      outgoing.append(.object(stored))
    }
    // Without a manifest nothing is known to be gone.
    guard publication.manifestVersion > 0 else { return outgoing }
    for (key, object) in held where key.kind == .intent && !wanted.contains(key) {
      if withdrawn.insert(object).inserted { outgoing.append(.withdrawn(object)) }
    }
    return outgoing
  }

  private func needs(_ object: ObjectVersion, _ key: Key, _ publication: Publication) -> Bool {
    // A node may hold more than a coordinator restored from a backup knows: it would only refuse.
    if let present = held[key], present == object || present.version > object.version {
      return false
    }
    if let refused = refused[key], refused.object == object {
      guard !Self.permanent.contains(refused.code), refused.manifest < publication.manifestVersion
      else { return false }
    }
    return inFlight[object] == nil
  }

  /// A node's answer to an object that it was sent, or, unasked, a statement of what it holds.
  mutating func answer(
    _ object: ObjectVersion, outcome: Receipt.Outcome, code: String, manifest: UInt64, now: Date
  ) {
    // What nobody sent is no sign that what was sent has arrived.
    if inFlight.removeValue(forKey: object) != nil { answered = now }
    let key = Key(kind: object.kind, name: object.name)
    switch outcome {
    case .held:
      held[key] = object
      refused[key] = nil
      withdrawn.remove(object)
    case .refused:
      refused[key] = Refused(object: object, code: code, manifest: manifest)
    }
    // What a newer version replaced is not waited for any more.
    for other in inFlight.keys
    where other.kind == object.kind && other.name == object.name && other.version < object.version {
      inFlight[other] = nil
    }
  }
}
