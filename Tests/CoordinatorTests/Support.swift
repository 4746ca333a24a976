import AddressSets
import FleetCA
import FleetIdentity
import FleetWire
import Foundation
import Intents
import Logging
import SwiftProtobuf
import TelosCore
import Testing
import Trust

@testable import Coordinator

/// A folder that goes away with its owner.
final class Scratch: Sendable {
  let path: String

  init() throws {
    path = NSTemporaryDirectory() + "/telos-coordinator-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }
}

/// A fleet's keys and store without sockets: what operators sign, and what the coordinator makes of it.
struct Bench {
  let scratch: Scratch
  let store: Store
  let publisher: Publisher
  let connections = Connections()
  let operatorKey: SigningKey
  let rootKey: SigningKey
  let keys: OnlineKeys
  let ca: CertificateAuthority
  let now = Date()

  /// - Parameters:
  ///   - given: a store that is open already.
  ///   - place: the database of another bench, which this one shares.
  ///   - other: whose keys this one has as well.
  init(
    _ engine: Engine = .sqlite, store given: Store? = nil, at place: PostgreSQLAddress? = nil,
    like other: Bench? = nil
  ) async throws {
    scratch = try Scratch()
    keys = other?.keys ?? OnlineKeys()
    operatorKey = other?.operatorKey ?? SigningKey()
    rootKey = other?.rootKey ?? SigningKey()
    ca = try CertificateAuthority()
    store =
      if let given {
        given
      } else if let place {
        try await Store.open(place, createIfMissing: true).0
      } else {
        try await engine.store(in: scratch.path)
      }
    publisher = Publisher(
      store: store, rules: PublicationRules(keys: keys, authority: ca.certificate),
      connections: connections,
      log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
  }

  func root(version: UInt64 = 1, expires: TimeInterval = 86400) throws -> Data {
    try Bench.root(
      keys.publicByRole, operatorKey, rootKey, [ca.certificate.pem], version,
      now.addingTimeInterval(expires))
  }

  static func root(
    _ online: [Role: PublicKey], _ operatorKey: SigningKey, _ rootKey: SigningKey,
    _ authorities: [String], _ version: UInt64, _ expires: Date
  ) throws -> Data {
    var roles: [Role: (keys: [PublicKey], threshold: Int)] = [
      .root: ([rootKey.publicKey], 1), .intent: ([operatorKey.publicKey], 1),
      .neverBlock: ([operatorKey.publicKey], 1),
    ]
    for (role, key) in online { roles[role] = ([key], 1) }
    return try RootStatement(
      version: version, expires: expires, roles: roles, authorities: authorities
    ).signed(by: [rootKey]).json
  }

  func intent(
    _ name: String = "read-logs", version: UInt64 = 1, nodes: Labels = [:],
    expires: TimeInterval = 3600, by key: SigningKey? = nil
  ) throws -> Data {
    var intent = Intent(
      name: name, exec: Intent.Exec(allow: [.init(path: try ExecPath("/usr/bin/cat"))]))
    intent.nodes = LabelSelector(nodes)
    let payload = intent.statementPayload(
      version: version, expires: now.addingTimeInterval(expires))
    var envelope = Envelope(payloadType: Role.intent.payloadType, payload: Data(payload))
    try envelope.sign(with: key ?? operatorKey)
    return envelope.json
  }

  func neverBlock(_ entries: [String], version: UInt64 = 1) throws -> Data {
    try NeverBlockStatement(
      version: version, expires: now.addingTimeInterval(3600), entries: entries
    ).signed(by: [operatorKey]).json
  }

  func api() -> API {
    API(
      publisher: publisher,
      authority: Authority(
        store: store, ca: ca,
        admission: Admission(store: store, admitted: Admitted(), calls: LiveCalls())),
      connections: connections, bell: Signal(), heartbeats: Heartbeats(),
      feed: ChangeFeed(
        store, log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
        patience: .seconds(3600)),
      metrics: Metrics(),
      addresses: .init(enrolment: ["127.0.0.1:7444"], sync: ["127.0.0.1:7443"]),
      log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
  }

  /// The IP set that is published now, as a node would read it.
  func publishedSet() throws -> IPSetStatement {
    let stored = try #require(publisher.current.objects.first { $0.object.kind == .ipset })
    return try IPSetStatement(payload: stored.decoded().payload)
  }
}

extension OnlineKeys {
  var publicByRole: [Role: PublicKey] {
    [.ipset: ipset.publicKey, .manifest: manifest.publicKey, .contain: contain.publicKey]
  }
}

/// A node's log as the node would have written it: numbered and chained.
struct RecordedLog {
  var events: [Telos_Fleet_V1_Event] = []
  private var hash = [UInt8](repeating: 0, count: 32)

  mutating func append(
    _ kind: String, agent: String = "", _ change: (inout Telos_Fleet_V1_Event) -> Void = { _ in }
  ) throws {
    var event = Telos_Fleet_V1_Event()
    event.kind = kind
    event.agent = agent
    event.count = 1
    event.atUnixMs = 1_790_000_000_000 + UInt64(events.count)
    if !agent.isEmpty {
      event.intent = "read-logs"
      event.intentVersion = 7
      event.intentDigest = Data(repeating: 1, count: 32)
    }
    change(&event)
    event.sequence = UInt64(events.count + 1)
    event.previousHash = Data(hash)
    hash = try event.chainHash().bytes
    events.append(event)
  }

  /// An agent reads a log, reads a secret, is slammed, and tries to get out.
  static func slam(agent: String = "3f00000000000001") throws -> RecordedLog {
    var log = RecordedLog()
    try log.append("node") { $0.reason = "start" }
    try log.append("started", agent: agent) { $0.state = "clean" }
    try log.append("exec", agent: agent) { $0.file.path = "/usr/bin/cat" }
    try log.append("slammed", agent: agent) {
      $0.state = "slammed"
      $0.gate = "file"
      $0.file.path = "/srv/app/.env"
      $0.lineage = [
        .with {
          $0.pid = 41; $0.command = "cat"
        },
        .with {
          $0.pid = 40; $0.command = "sh"
        },
      ]
    }
    for (address, linked) in [
      ("192.0.2.1", 4), ("192.0.2.2", 4), ("192.0.2.1", 4), ("2001:db8::1", 0),
    ] {
      try log.append("denied", agent: agent) {
        $0.state = "slammed"
        $0.gate = "network"
        $0.reason = "slammed"
        $0.destination.address = address
        $0.destination.port = 443
        $0.destination.protocol = "tcp"
        $0.linkedSequence = UInt64(linked)
      }
    }
    return log
  }
}
