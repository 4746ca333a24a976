internal import FleetWire
internal import GRPCCore
internal import GRPCNIOTransportHTTP2Posix
internal import Logging
internal import SwiftProtobuf
internal import TelosCore
internal import Trust

/// The sync stream of one connection: hello, then objects down, receipts and status up.
struct SyncSession: Sendable {
  var keeper: ObjectKeeper
  var hello: Telos_Fleet_V1_Hello
  var log: Logger
  /// Asked every ``pace``, and whenever `changes` yields.
  var status: @Sendable () async -> Telos_Fleet_V1_Status
  var changes: @Sendable () -> AsyncStream<Void>
  var onWelcome: @Sendable () -> Void
  /// Told of each object that came and is held now.
  var onHeld: @Sendable (ObjectVersion) async -> Void

  /// Objects that the coordinator may have open at a time.
  static let credits: UInt32 = 16
  /// Between two status messages at most, while there is something new to say.
  static let pace = Duration.seconds(5)
  /// A status that says nothing new is left out at most this many times in a row: the coordinator has to see that the node
  /// lives, well within `Heartbeats.freshness`.
  static let silences = 1

  func run(_ fleet: Telos_Fleet_V1_Fleet.Client<some ClientTransport>) async throws {
    let (outbox, out) = AsyncStream.makeStream(of: Telos_Fleet_V1_NodeMessage.self)
    try await fleet.sync(options: CoordinatorConnection.options) { writer in
      var hello = hello
      hello.held = await keeper.greeted.map { .init($0) }
      hello.credits = Self.credits
      let first = hello
      try await writer.write(.with { $0.hello = first })
      for await message in outbox { try await writer.write(message) }
    } onResponse: { response in
      defer { out.finish() }
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
          for try await message in response.messages { await take(message, out) }
        }
        group.addTask {
          while true {
            try await Task.sleep(for: .seconds(1))
            for answer in await keeper.tick() { out.yield(receipt(answer)) }
          }
        }
        group.addTask {
          for await _ in changes() {
            out.yield(await statusMessage())
            // What changes meanwhile is in the next one.
            try await Task.sleep(for: .seconds(1))
          }
        }
        group.addTask {
          var last: Telos_Fleet_V1_Status?
          var silences = 0
          while true {
            let status = await status()
            // Apart from the time.
            var content = status
            content.atUnixMs = 0
            if content == last && silences < Self.silences {
              silences += 1
            } else {
              out.yield(.with { $0.status = status })
              last = content
              silences = 0
            }
            try await Task.sleep(for: Self.pace)
          }
        }
        defer { group.cancelAll() }
        try await group.next()
      }
    }
  }

  private func statusMessage() async -> Telos_Fleet_V1_NodeMessage {
    let status = await status()
    return .with { $0.status = status }
  }

  private func take(
    _ message: Telos_Fleet_V1_CoordinatorMessage,
    _ out: AsyncStream<Telos_Fleet_V1_NodeMessage>.Continuation
  ) async {
    switch message.body {
    case .welcome(let welcome):
      log.info("connected", metadata: ["identity": "\(welcome.spiffeID.prefix(256))"])
      onWelcome()
    case .object(let object):
      let answers = await keeper.receive(
        object.envelope, claimed: object.hasObject ? ObjectVersion(object.object) : nil)
      for answer in answers {
        out.yield(receipt(answer))
        if case .held(let object) = answer { await onHeld(object) }
      }
    case .withdrawn(let withdrawn):
      // The manifest decides; this only says why nothing of it comes any more.
      log.info(
        "withdrawn",
        metadata: [
          "kind": "\(withdrawn.object.kind.prefix(32))",
          "name": "\(withdrawn.object.name.prefix(256))",
        ])
    case nil: log.warning("a message of the coordinator has no body that this version knows")
    }
  }

  private func receipt(_ answer: ObjectKeeper.Answer) -> Telos_Fleet_V1_NodeMessage {
    var receipt = Telos_Fleet_V1_Receipt()
    receipt.bootID = Machine.current.bootID
    receipt.atUnixMs = Machine.unixMilliseconds
    switch answer {
    case .held(let object):
      receipt.object = .init(object)
      receipt.outcome = .held
      log.info("held", metadata: Self.fields(object))
    case .refused(let object, let refusal):
      if let object { receipt.object = .init(object) }
      receipt.outcome = .refused
      receipt.errorCode = refusal.code.rawValue
      receipt.errorMessage = refusal.message
      var fields = object.map(Self.fields) ?? [:]
      fields["reason"] = "\(refusal)"
      log.warning("refused an object", metadata: fields)
    case .failed(let object, let error):
      receipt.object = .init(object)
      receipt.outcome = .refused
      receipt.errorCode = error.code.rawValue
      receipt.errorMessage = error.description
      var fields = Self.fields(object)
      fields["error"] = "\(error)"
      log.error("cannot hold an object", metadata: fields)
    }
    return .with { $0.receipt = receipt }
  }

  private static func fields(_ object: ObjectVersion) -> Logger.Metadata {
    ["kind": "\(object.kind.rawValue)", "name": "\(object.name)", "version": "\(object.version)"]
  }
}
