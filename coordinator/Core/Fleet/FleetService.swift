internal import FleetCA
internal import FleetIdentity
internal import FleetWire
internal import FoundationEssentials
internal import GRPCCore
internal import Logging
internal import SwiftProtobuf
internal import TelosCore
internal import X509

/// Port 7443: enrolled nodes. Who calls is what `PeerInterceptor` found in the certificate, never what a message says.
struct FleetService: Telos_Fleet_V1_Fleet.SimpleServiceProtocol {
  let authority: Authority
  let publisher: Publisher
  let connections: Connections
  let heartbeats: Heartbeats
  let budget: SendBudget
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
          try await store.answered { store in
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
        group.addTask {
          var forked: UInt64?
          for try await batch in request {
            // What was on its way before the node heard that it has to begin anew comes once more.
            if let forked, batch.epoch == forked { continue }
            let (acknowledgements, isForked) = try await ingest(batch, of: node)
            if isForked { forked = batch.epoch }
            for acknowledgement in acknowledgements { try await response.write(acknowledgement) }
          }
        }
        group.addTask {
          for await _ in signals {}
          throw RPCError(code: .unavailable, message: "the stream is replaced or shut down")
        }
        defer { group.cancelAll() }
        try await group.next()
      }
    }
  }

  /// Answers only after the batch is committed. The log of a node that was rolled back is acknowledged as far as it is the one
  /// that is stored, and then with a record that it does not have.
  func ingest(_ batch: Telos_Fleet_V1_EventBatch, of node: String) async throws
    -> (acknowledgements: [Telos_Fleet_V1_EventAck], isForked: Bool)
  {
    let ingestion = try await store.ingest(
      node: node, epoch: batch.epoch, events: batch.events, compares: batch.compares, at: Date())
    metrics.ingested(ingestion)
    for finding in ingestion.findings {
      log.error(
        "the log of a node is not whole",
        metadata: [
          "node": "\(node)", "reason": "\(finding.reason.rawValue)", "detail": "\(finding.detail)",
        ])
    }
    var places = [(sequence: ingestion.through, hash: ingestion.hash)]
    if ingestion.isForked, let joint = ingestion.joint { places.insert(joint, at: 0) }
    let acknowledgements = places.map { place in
      Telos_Fleet_V1_EventAck.with {
        $0.epoch = batch.epoch
        $0.throughSequence = place.sequence
        $0.hash = Data(place.hash)
      }
    }
    return (acknowledgements, ingestion.isForked)
  }

  private static func caller() throws -> (node: String, serial: String) {
    guard let peer = Peer.current, case .node(let node) = peer.identity else {
      throw TelosError(.unauthenticated, "the call has no identity")
    }
    return (node, peer.serial.hex)
  }
}
