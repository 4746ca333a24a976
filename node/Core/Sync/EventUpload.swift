internal import EventLog
internal import FleetWire
internal import FoundationEssentials
internal import GRPCCore
internal import GRPCNIOTransportHTTP2Posix
internal import SwiftProtobuf
internal import TelosCore

/// The event stream of one connection: batches from the spool upwards, acknowledgements down. It begins behind what
/// is acknowledged, so whatever a broken connection left open is sent again, under its old numbers.
struct EventUpload: Sendable {
  var log: EventLog
  var bootID: String
  /// Records sent and not acknowledged; beyond it the stream waits.
  var window: UInt64 = 8000
  /// Records of one message.
  var batch = 1000

  /// Runs until the connection ends. Throws when the log's epoch changed: then the stream is made anew.
  func run(_ fleet: Telos_Fleet_V1_Fleet.Client<some ClientTransport>) async throws {
    let epoch = log.epoch
    try await fleet.events(options: CoordinatorConnection.options) { writer in
      var sent = log.acknowledged
      let changes = log.changes()
      var more = changes.makeAsyncIterator()
      while log.epoch == epoch {
        // An earlier connection's acknowledgement may have come since.
        sent = max(sent, log.acknowledged)
        let open = sent - log.acknowledged
        let room = open < window ? window - open : 0
        let records =
          room == 0 ? [] : try await log.read(after: sent, limit: min(batch, Int(room)))
        guard let last = records.last else {
          guard await more.next() != nil else { return }
          continue
        }
        try await writer.write(
          .with {
            $0.bootID = bootID
            $0.epoch = epoch
            $0.events = records
            $0.compares = true
          })
        sent = last.sequence
      }
      throw TelosError(.conflict, "the log's epoch changed")
    } onResponse: { response in
      for try await ack in response.messages {
        do {
          try await log.acknowledge(
            through: ack.throughSequence, epoch: ack.epoch, hash: [UInt8](ack.hash))
        } catch {
          guard let error = error as? TelosError, error.code == .conflict else { throw error }
          try await log.startEpoch(why: error.message)
          return
        }
      }
    }
  }
}
