internal import FleetIdentity
internal import FleetWire
internal import FoundationEssentials
internal import GRPCCore
internal import Logging
internal import SwiftProtobuf
internal import TelosCore
internal import Trust

/// One sync stream: turns messages into state and store, and state into messages.
actor SyncSession {
  private let node: String
  /// Of the certificate that the stream is made with.
  private let serial: String
  private let publisher: Publisher
  private let heartbeats: Heartbeats
  private let share: SendBudget.Share
  private let log: Logger
  private var state: SyncState?
  private var welcomed = false
  /// Receipts on their way into the store.
  private var unstored = 0

  /// As many as a manifest names, and what no manifest names itself.
  static let maximumHeld = ManifestStatement.maximumObjects + 256
  /// A node answers what it was sent, and what it was sent is bounded.
  static let maximumUnstored = 1024

  init(
    node: String, serial: String, publisher: Publisher, heartbeats: Heartbeats,
    share: SendBudget.Share, log: Logger
  ) {
    self.node = node
    self.serial = serial
    self.publisher = publisher
    self.heartbeats = heartbeats
    self.share = share
    self.log = log
  }

  /// What to write now: the welcome first, once the node has said hello.
  func outgoing(at now: Date) throws -> [Telos_Fleet_V1_CoordinatorMessage] {
    guard var state else { return [] }
    let patience = share.isWaitedFor ? SyncState.patienceInLine : SyncState.patience
    if let deadline = state.deadline(patience), now >= deadline {
      log.warning("a node does not answer what it was sent", metadata: ["node": "\(node)"])
      throw RPCError(code: .deadlineExceeded, message: "no answer to what was sent")
    }
    var messages: [Telos_Fleet_V1_CoordinatorMessage] = []
    if !welcomed {
      welcomed = true
      messages.append(
        .with {
          $0.welcome.spiffeID = PeerIdentity.coordinator.spiffeID
          $0.welcome.atUnixMs = UInt64(max(0, now.milliseconds))
        })
    }
    for outgoing in state.next(publisher.current, now: now, room: { share.take($0) }) {
      messages.append(
        .with {
          switch outgoing {
          case .object(let stored):
            $0.object.object = Telos_Fleet_V1_ObjectVersion(stored.object)
            $0.object.envelope = stored.envelope
          case .withdrawn(let object):
            $0.withdrawn.object = Telos_Fleet_V1_ObjectVersion(object)
          }
        })
    }
    self.state = state
    return messages
  }

  /// - Returns: a receipt that has to be stored and then ``stored(_:at:)``, which waits for others: it must not hold up what
  ///   the node says next.
  func receive(_ message: Telos_Fleet_V1_NodeMessage, at now: Date) async throws -> Receipt? {
    switch message.body {
    case .hello(let hello): try await greet(hello, at: now)
    case .receipt(let receipt): return try take(receipt, at: now)
    case .status(let status): take(status, at: now)
    case .credit(let credit): state?.allow(credits: credit.credits)
    case nil: throw TelosError(.invalidArgument, "a message without a body this version knows")
    }
    return nil
  }

  private func greet(_ hello: Telos_Fleet_V1_Hello, at now: Date) async throws {
    guard state == nil else { throw TelosError(.invalidArgument, "a second hello") }
    guard hello.nodeName == node else {
      throw TelosError(.forbidden, "the certificate is for node \(node), the hello for another")
    }
    guard hello.held.count <= Self.maximumHeld, hello.bootID.utf8.count <= 64,
      hello.kernel.utf8.count <= 128, hello.version.utf8.count <= 64
    else { throw TelosError(.invalidArgument, "the hello is too large") }
    let (known, before, certificates) = try await publisher.store.read { [node] in
      (try $0.node(node), try $0.held(by: node), try $0.certificates(of: node))
    }
    let isFirstUse = certificates.contains { $0.serial == serial && $0.used == nil }
    guard let record = known else {
      throw TelosError(.unauthenticated, "node \(node) is not enrolled here")
    }
    try Authority.check(hello.labels)
    try Authority.check(hello.labels, boundedBy: record.labelBound)
    let held = hello.held.compactMap { ObjectVersion($0) }
      .filter { $0.version <= UInt64.maximumStored }
    let greeting = NodeRecord.Greeting(
      labels: hello.labels, bootID: hello.bootID, kernel: hello.kernel, version: hello.version,
      layout: hello.layout, held: held)
    heartbeats.seen(node, at: now)
    // When a thousand nodes come back at once, most of them have nothing new to say.
    if isFirstUse || !EnrolmentRules.isKnown(greeting, record, held: before) {
      try await publisher.store.grouped(at: now) { [node, serial] store in
        try store.used(serial)
        try EnrolmentRules.greeted(by: node, greeting, store)
      }
    }
    state = SyncState(labels: hello.labels, held: held, credits: hello.credits, now: now)
    log.info("node connected", metadata: ["node": "\(node)", "version": "\(hello.version)"])
  }

  private func take(_ receipt: Telos_Fleet_V1_Receipt, at now: Date) throws -> Receipt? {
    guard let object = ObjectVersion(receipt.object), object.version <= UInt64.maximumStored else {
      // A node that could not even read what it got cannot say what it was.
      log.warning(
        "a receipt names no object",
        metadata: ["node": "\(node)", "code": "\(receipt.errorCode.bounded(64))"])
      return nil
    }
    let outcome: Receipt.Outcome
    switch receipt.outcome {
    case .held: outcome = .held
    case .refused: outcome = .refused
    default: throw TelosError(.invalidArgument, "a receipt without an outcome")
    }
    guard unstored < Self.maximumUnstored else {
      throw TelosError(.invalidArgument, "more receipts than there can be answers")
    }
    unstored += 1
    heartbeats.seen(node, at: now)
    return Receipt(
      node: node, object: object, outcome: outcome, errorCode: receipt.errorCode.bounded(64),
      errorMessage: receipt.errorMessage.bounded(1024), bootID: receipt.bootID.bounded(64),
      at: now, simulated: receipt.simulated)
  }

  /// A receipt is durable: from now on it counts, and what it answered has left this memory.
  func stored(_ receipt: Receipt, at now: Date) {
    unstored -= 1
    let object = receipt.object
    if let before = state?.bytesInFlight {
      state?.answer(
        object, outcome: receipt.outcome, code: receipt.errorCode,
        manifest: publisher.current.manifestVersion, now: now)
      share.give(before - (state?.bytesInFlight ?? 0))
    }
    if receipt.outcome == .refused {
      log.warning(
        "a node refused an object",
        metadata: [
          "node": "\(node)", "kind": "\(object.kind.rawValue)", "name": "\(object.name)",
          "version": "\(object.version)", "code": "\(receipt.errorCode)",
        ])
    }
  }

  private func take(_ status: Telos_Fleet_V1_Status, at now: Date) {
    let report = NodeRecord.Report(
      mode: status.mode.bounded(32), ready: status.ready, xdp: status.xdpMode.bounded(32),
      gates: status.gates.prefix(64).map {
        NodeRecord.Gate(gate: $0.gate.bounded(64), enforced: $0.enforced, why: $0.why.bounded(512))
      },
      counters: Dictionary(
        status.counters.prefix(256).map { ($0.name.bounded(64), min($0.value, .maximumStored)) },
        uniquingKeysWith: { $1 }))
    heartbeats.reported(by: node, report, at: now)
  }
}

extension String {
  /// Outside text as the store keeps it.
  func bounded(_ bytes: Int) -> String {
    utf8.count <= bytes ? self : String(decoding: utf8.prefix(bytes), as: UTF8.self)
  }
}
