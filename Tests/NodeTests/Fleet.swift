import AddressSets
import FleetWire
import FoundationEssentials
import Glibc
import Intents
import TelosCore
import Trust

@testable import Node

/// A folder of its own for each test, removed at the end.
func withFolder<R>(in parent: String = "/tmp", _ body: (String) async throws -> R) async throws
  -> R
{
  var template = Array("\(parent)/telos-node-XXXXXX".utf8CString)
  guard let made = mkdtemp(&template) else { throw TelosError(.internalError, "mkdtemp") }
  let folder = String(cString: made)
  defer { try? FileManager.default.removeItem(atPath: folder) }
  return try await body(folder)
}

/// The operators of a fleet and its coordinator's online keys: everything that signs.
struct Signers {
  var root = SigningKey()
  var intent = SigningKey()
  var neverBlock = SigningKey()
  var ipset = SigningKey()
  var manifest = SigningKey()
  var contain = SigningKey()

  func rootStatement(
    version: UInt64 = 1, expires: Date = .now.addingTimeInterval(86400), intentThreshold: Int = 1,
    authorities: [String] = []
  ) -> RootStatement {
    RootStatement(
      version: version, expires: expires,
      roles: [
        .root: ([root.publicKey], 1), .intent: ([intent.publicKey], intentThreshold),
        .neverBlock: ([neverBlock.publicKey], 1), .ipset: ([ipset.publicKey], 1),
        .manifest: ([manifest.publicKey], 1), .contain: ([contain.publicKey], 1),
      ], authorities: authorities)
  }

  func trusted(_ statement: RootStatement? = nil, now: Date = .now) throws -> TrustedRoot {
    let envelope = try (statement ?? rootStatement()).signed(by: [root])
    return try .pinned(envelope: envelope, digest: envelope.digest, now: now)
  }

  /// An intent that lets `cat` run, signed.
  func intentEnvelope(
    _ name: String = "read-logs", version: UInt64 = 10, nodes: String = "{}",
    expires: Date = .now.addingTimeInterval(3600), key: SigningKey? = nil, more: String = "ttl: 1h"
  ) throws -> Envelope {
    let intent = try IntentParser.parse(
      """
      apiVersion: telos/v1
      kind: Intent
      metadata: {name: \(name)}
      spec:
        nodes: {labels: \(nodes)}
        exec: {allow: [{path: /usr/bin/cat}]}
        \(more)
      """)
    var envelope = Envelope(
      payloadType: Role.intent.payloadType,
      payload: Data(intent.statementPayload(version: version, expires: expires)))
    try envelope.sign(with: key ?? self.intent)
    return envelope
  }

  func set(
    _ entries: [String], version: UInt64 = 5, scope: String = "",
    expires: Date = .now.addingTimeInterval(3600), key: SigningKey? = nil
  ) throws -> Envelope {
    try IPSetStatement(
      scope: scope, version: version, expires: expires,
      set: AddressSet(try entries.map { try IPPrefix($0) })
    ).signed(by: [key ?? ipset])
  }

  func neverBlockSet(_ entries: [String], version: UInt64 = 3) throws -> Envelope {
    try NeverBlockStatement(
      version: version, expires: .now.addingTimeInterval(3600), entries: entries
    ).signed(by: [neverBlock])
  }

  func manifest(
    _ objects: [Envelope], version: UInt64 = 1, expires: Date = .now.addingTimeInterval(600)
  ) throws -> Envelope {
    try ManifestStatement(
      version: version, expires: expires, issued: .now, objects: try objects.map { try $0.object }
    ).signed(by: [manifest])
  }
}

extension Envelope {
  /// What the envelope's payload says that it is.
  var object: ObjectVersion {
    get throws {
      switch Role(payloadType: payloadType) {
      case .root: try RootStatement(payload: payload).object
      case .intent: try IntentStatement(payload: payload).object
      case .neverBlock: try NeverBlockStatement(payload: payload).object
      case .ipset: try IPSetStatement(payload: payload).object
      case .manifest: try ManifestStatement(payload: payload).object
      default: throw TelosError(.internalError, "\(payloadType)")
      }
    }
  }
}

/// Remembers what it was given, and refuses on demand.
actor RecordedSets: SetEnforcement {
  var neverBlock = AddressSet()
  var set = AddressSet()
  var version: UInt64 = 0
  var order: [String] = []
  var refuses = false
  /// Every never-block list that was ever in force.
  var history: [AddressSet] = []
  static let room = 1000

  func refuse(_ refuses: Bool) { self.refuses = refuses }

  nonisolated func checkRoom(neverBlock: AddressSet) throws(TelosError) {
    guard neverBlock.count <= Self.room else { throw TelosError(.invalidArgument, "no room") }
  }

  func hold(neverBlock: AddressSet) async throws(TelosError) {
    if refuses || neverBlock.count > Self.room { throw TelosError(.kernel, "the kernel refuses") }
    self.neverBlock = neverBlock
    history.append(neverBlock)
    order.append("never-block")
  }

  func hold(set: AddressSet, version: UInt64, digest: Digest) async throws(TelosError) {
    if refuses { throw TelosError(.kernel, "the kernel refuses") }
    self.set = set
    self.version = version
    order.append("set")
  }
}

actor Reports {
  var refusals: [Refusal] = []
  func add(_ refusal: Refusal) { refusals.append(refusal) }
}

/// One node's keeper over a real database, with the time in the test's hand.
struct KeeperFixture {
  let signers: Signers
  let keeper: ObjectKeeper
  let sets: RecordedSets
  let reports: Reports
  let database: NodeDatabase
  let folder: String

  init(
    _ folder: String, signers: Signers = Signers(), root: RootStatement? = nil,
    labels: Labels = ["role": "agents"], clock: @escaping @Sendable () -> Date = { Date() }
  ) throws {
    self.folder = folder
    self.signers = signers
    let sets = RecordedSets()
    let reports = Reports()
    self.sets = sets
    self.reports = reports
    database = try NodeDatabase.open("\(folder)/node.sqlite")
    keeper = ObjectKeeper(
      root: try signers.trusted(root), labels: labels, database: database,
      rootFile: "\(folder)/root.json", enforcement: sets, clock: clock
    ) { _, refusal in await reports.add(refusal) }
  }

  @discardableResult
  func give(_ envelope: Envelope) async throws -> [ObjectKeeper.Answer] {
    await keeper.receive(envelope.wire, claimed: try? envelope.object)
  }

  /// The one refusal that an object gets.
  func refusal(_ envelope: Envelope, claimed: ObjectVersion? = nil) async throws -> RefusalCode? {
    guard
      case .refused(_, let refusal)? = await keeper.receive(envelope.wire, claimed: claimed).first
    else { return nil }
    return refusal.code
  }
}
