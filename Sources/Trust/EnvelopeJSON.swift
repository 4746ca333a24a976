public import FoundationEssentials

extension Envelope {
  /// Reads the JSON form. Unknown keys and anything but padded standard base64 are refused; white space is not.
  public init(json: Data) throws(Refusal) {
    guard json.count <= Self.maximumBytes else {
      throw Refusal(
        .oversized, "the envelope has \(json.count) bytes; at most \(Self.maximumBytes) are allowed"
      )
    }
    var object = try StrictObject(JSONValue(parsing: json), "envelope")
    let payloadType = try object.string("payloadType")
    let payload = try Self.base64(object.string("payload"), "payload")
    var signatures: [Signature] = []
    for value in try object.array("signatures") {
      var entry = try StrictObject(value, "signature")
      let keyID = try entry.string("keyid")
      signatures.append(
        Signature(keyID: keyID, bytes: try Self.base64(entry.string("sig"), "signature")))
      try entry.finish()
    }
    try object.finish()
    self.init(payloadType: payloadType, payload: payload, signatures: signatures)
    try checkBounds()
  }

  /// The JSON form, without white space.
  public var json: Data {
    JSONValue.object([
      "payloadType": .string(payloadType),
      "payload": .string(payload.base64EncodedString()),
      "signatures": .array(
        signatures.map {
          .object(["keyid": .string($0.keyID), "sig": .string($0.bytes.base64EncodedString())])
        }),
    ]).canonical
  }

  private static func base64(_ text: String, _ what: String) throws(Refusal) -> Data {
    guard let data = Data(base64Encoded: text), data.base64EncodedString() == text else {
      throw Refusal(.malformed, "\(what) is not base64")
    }
    return data
  }
}
