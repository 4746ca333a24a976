internal import FoundationEssentials
internal import SwiftProtobuf
public import TelosCore

extension Telos_Fleet_V1_Event {
  /// The record as node and coordinator store it: its protobuf encoding, fields in the order of their numbers.
  /// Encoding what was decoded gives the same bytes again, because the message has no map.
  public func recordBytes() throws(TelosError) -> [UInt8] {
    do {
      return [UInt8](try serializedData())
    } catch {
      throw TelosError(.internalError, "an event cannot be encoded: \(error)")
    }
  }

  /// What the next record of the same log carries as its `previousHash`: SHA-256 of the record's bytes.
  public func chainHash() throws(TelosError) -> Digest { Digest(of: try recordBytes()) }
}
