internal import FleetWire
internal import SwiftProtobuf
internal import TelosCore

/// How much of a node's log is taken in, so that a malicious node fills no store. What an honest one sends is far below.
enum LogBounds {
  /// Records of a batch; a node sends a thousand.
  static let batch = 10_000
  /// Bytes of a record: paths of 4 KiB, spelled out and as bytes, of an event and of eight that it came from.
  static let record = 512 << 10
  /// Bytes of a kind and of an agent's name, which indexes are made of.
  static let name = 64
  /// Logs of one node whose ends are remembered.
  static let epochs = 1000
  /// Open incidents of one node. Beyond that, what new agents do is an incident of the node itself.
  static let openIncidents = 1000
  /// The same where an incident begins with a slam.
  static let openSlams = 10_000

  static func check(_ events: [Telos_Fleet_V1_Event]) throws {
    guard events.count <= batch else {
      throw TelosError(
        .invalidArgument, "a batch of \(events.count) records; at most \(batch) are taken")
    }
    for event in events {
      guard event.kind.utf8.count <= name, event.agent.utf8.count <= name else {
        throw TelosError(
          .invalidArgument, "record \(event.sequence) has a kind or an agent of over \(name) bytes")
      }
      let size = try event.recordBytes().count
      guard size <= record else {
        throw TelosError(
          .invalidArgument,
          "record \(event.sequence) has \(size) bytes; at most \(record) are taken")
      }
    }
  }
}
