internal import AsyncAlgorithms
internal import FleetCA
internal import FleetIdentity
internal import FleetWire
internal import FoundationEssentials
internal import GRPCCore
internal import Logging
internal import SwiftProtobuf
internal import Synchronization
internal import TelosCore
internal import X509

/// Port 7443: enrolled nodes. Who calls is what `PeerInterceptor` found in the certificate, never what a message says.
struct FleetService: Telos_Fleet_V1_Fleet.SimpleServiceProtocol {
  let authority: Authority
  let publisher: Publisher
  let connections: Connections
  let heartbeats: Heartbeats
  let budget: SendBudget
  let allowance: EventAllowance
  let metrics: Metrics
  let log: Logger

  var store: Store { publisher.store }

  func renew(request: Telos_Fleet_V1_RenewRequest, context: ServerContext) async throws
    -> Telos_Fleet_V1_RenewReply
  {
    try await RPCErrors.translating {
      let caller = try Self.caller()
      let chain = try await authority.renew(
        node: caller.node, with: caller.serial, request: [UInt8](request.csrDer), at: Date())
      return .with {
        $0.certificateChainDer = chain.map { Data($0.der) }
        $0.authoritiesDer = [Data(authority.ca.certificate.der)]
      }
    }
  }

  func sync(
    request: RPCAsyncSequence<Telos_Fleet_V1_NodeMessage, any Error>,
    response: RPCWriter<Telos_Fleet_V1_CoordinatorMessage>, context: ServerContext
  ) async throws {
    try await RPCErrors.translating {
      let (node, serial) = try Self.caller()
      let (id, signals) = connections.join(node)
      defer {
        connections.leave(node, id)
        if !connections.connected.contains(node) {
          heartbeats.seen(node, connected: false, at: Date())
        }
      }
      let session = SyncSession(
        node: node, serial: serial, publisher: publisher, heartbeats: heartbeats,
        share: budget.join { connections.wake(node) }, log: log)
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await receive(request, session, of: node) }
        group.addTask {
          for await _ in signals {
            for message in try await session.outgoing(at: Date()) {
              try await response.write(message)
            }
          }
          throw RPCError(code: .unavailable, message: "the stream is replaced or shut down")
        }
        group.addTask {
          while true {
            try await Task.sleep(for: .seconds(15))
            connections.wake(node)
          }
        }
        defer { group.cancelAll() }
        try await group.next()
      }
    }
  }

  private func receive(
    _ request: RPCAsyncSequence<Telos_Fleet_V1_NodeMessage, any Error>, _ session: SyncSession,
    of node: String
  ) async throws {
    try await withThrowingDiscardingTaskGroup { storing in
      for try await message in request {
        guard let receipt = try await session.receive(message, at: Date()) else {
          // A status asks for nothing.
          if case .status = message.body { continue }
          connections.wake(node)
          continue
        }
        storing.addTask {
          // Of what is not published here an answer says nothing, and there is no end of what a node could make up.
          try await store.grouped(.calm) { store in
            if try store.isStored(receipt.object) { try store.put(receipt) }
          }
          await session.stored(receipt, at: Date())
          connections.wake(node)
        }
      }
    }
  }

  func events(
    request: RPCAsyncSequence<Telos_Fleet_V1_EventBatch, any Error>,
    response: RPCWriter<Telos_Fleet_V1_EventAck>, context: ServerContext
  ) async throws {
    try await RPCErrors.translating {
      let node = try Self.caller().node
      let (id, signals) = connections.joinEvents(node)
      defer { connections.leave(node, id) }
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await ingestAll(request, response, of: node) }
        group.addTask {
          for await _ in signals {}
          throw RPCError(code: .unavailable, message: "the stream is replaced or shut down")
        }
        defer { group.cancelAll() }
        try await group.next()
      }
    }
  }

  /// How many batches of a stream were read, and how many of them are stored.
  private final class Progress: Sendable {
    let read = Atomic(0)
    let stored = Atomic(0)
  }

  /// Takes in one batch after the other. Meanwhile the next one is read, and the one before it waits no longer.
  private func ingestAll(
    _ request: RPCAsyncSequence<Telos_Fleet_V1_EventBatch, any Error>,
    _ response: RPCWriter<Telos_Fleet_V1_EventAck>, of node: String
  ) async throws {
    let batches = AsyncChannel<Telos_Fleet_V1_EventBatch>()
    let progress = Progress()
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        defer { batches.finish() }
        for try await batch in request {
          let before = progress.read.add(1, ordering: .sequentiallyConsistent).oldValue
          if progress.stored.load(ordering: .sequentiallyConsistent) < before { store.hurry() }
          await batches.send(batch)
        }
      }
      group.addTask {
        var forked: UInt64?
        var taken = 0
        for await batch in batches {
          taken += 1
          let number = taken
          defer { progress.stored.store(number, ordering: .sequentiallyConsistent) }
          // What was on its way before the node heard that it has to begin anew comes once more.
          if let forked, batch.epoch == forked { continue }
          if let wait = allowance.wait(of: node) { try await Task.sleep(for: wait) }
          let ingestion = try await ingest(batch, of: node) {
            progress.read.load(ordering: .sequentiallyConsistent) > number
          }
          if ingestion.isForked { forked = batch.epoch }
          for acknowledgement in ingestion.acknowledgements(of: batch.epoch) {
            try await response.write(acknowledgement)
          }
          if allowance.spend(ingestion.bytes, by: node) {
            _ = try await ingest(.with { $0.epoch = batch.epoch }, of: node, [allowance.finding])
          }
        }
      }
      try await group.waitForAll()
    }
  }

  /// Returns only after the batch is committed.
  ///
  /// - Parameter findings: what else there is to say of the node's log.
  private func ingest(
    _ batch: Telos_Fleet_V1_EventBatch, of node: String, _ findings: [LogFinding] = [],
    isFollowed: () -> Bool = { false }
  ) async throws -> Ingestion {
    let ingestion = try await store.ingest(
      node: node, epoch: batch.epoch, events: batch.events, compares: batch.compares,
      findings: findings, isFollowed: isFollowed, at: Date())
    metrics.ingested(ingestion)
    for finding in ingestion.findings {
      log.error(
        "the log of a node is not whole",
        metadata: [
          "node": "\(node)", "reason": "\(finding.reason.rawValue)", "detail": "\(finding.detail)",
        ])
    }
    return ingestion
  }

  private static func caller() throws -> (node: String, serial: String) {
    guard let peer = Peer.current, case .node(let node) = peer.identity else {
      throw TelosError(.unauthenticated, "the call has no identity")
    }
    return (node, peer.serial.hex)
  }
}

extension Ingestion {
  /// The log of a node that was rolled back is acknowledged as far as it is the one that is stored, and then with a record that
  /// it does not have.
  fileprivate func acknowledgements(of epoch: UInt64) -> [Telos_Fleet_V1_EventAck] {
    var places = [(sequence: through, hash: hash)]
    if isForked, let joint { places.insert(joint, at: 0) }
    return places.map { place in
      .with {
        $0.epoch = epoch
        $0.throughSequence = place.sequence
        $0.hash = Data(place.hash)
      }
    }
  }
}
