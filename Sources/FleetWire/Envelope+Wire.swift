public import FoundationEssentials
internal import SwiftProtobuf
public import Trust

extension Envelope {
  /// Reads the protobuf form, the one on the wire. Nothing in it is trusted before a root verifies it.
  public init(wire: Data) throws(Refusal) {
    // Base64 is left out on the wire, so the bound of the JSON form is generous here.
    guard wire.count <= Self.maximumBytes + (1 << 16) else {
      throw Refusal(.oversized, "the envelope has \(wire.count) bytes")
    }
    let message: Telos_Objects_V1_Envelope
    do {
      message = try Telos_Objects_V1_Envelope(serializedBytes: wire)
    } catch BinaryDecodingError.truncated {
      throw Refusal(.truncated, "the envelope ends too early")
    } catch {
      throw Refusal(.malformed, "the envelope is not protobuf")
    }
    self.init(
      payloadType: message.payloadType, payload: message.payload,
      signatures: message.signatures.map { Signature(keyID: $0.keyID, bytes: $0.signature) })
    try checkBounds()
  }

  /// The protobuf form.
  public var wire: Data {
    let message = Telos_Objects_V1_Envelope.with { message in
      message.payloadType = payloadType
      message.payload = payload
      message.signatures = signatures.map { signature in
        .with {
          $0.keyID = signature.keyID
          $0.signature = signature.bytes
        }
      }
    }
    // Only missing required fields, which proto3 has not, or 2 GiB make this fail.
    return (try? message.serializedData()) ?? Data()
  }
}
