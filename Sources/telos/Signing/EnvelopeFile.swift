internal import FoundationEssentials
internal import TelosCore
internal import Trust

/// Signed objects in files.
enum EnvelopeFile {
  /// Reads an envelope and checks that it holds an object of `role`; nil for any. Verifies no signature.
  static func read(_ path: String, role: Role?) throws(TelosError) -> Envelope {
    try parse(try InputFile.read(path, limit: Envelope.maximumBytes), path, role)
  }

  /// The file's own bytes, after the same checks: what is uploaded is what was signed.
  static func bytes(_ path: String, role: Role) throws(TelosError) -> [UInt8] {
    let bytes = try InputFile.read(path, limit: Envelope.maximumBytes)
    _ = try parse(bytes, path, role)
    return bytes
  }

  /// Writes the JSON form and a newline; `-` is standard output.
  static func write(_ envelope: Envelope, to path: String) throws(TelosError) {
    try OutputFile.write(Array(envelope.json) + [UInt8(ascii: "\n")], to: path)
  }

  private static func parse(_ bytes: [UInt8], _ path: String, _ role: Role?)
    throws(TelosError) -> Envelope
  {
    let envelope: Envelope
    do throws(Refusal) {
      envelope = try Envelope(json: Data(bytes))
    } catch {
      throw TelosError(
        .invalidArgument, "\(path) is not a signed object: \(error.message)",
        hint: "sign it first: telos intent sign, telos never-block sign, telos key root")
    }
    if let role, envelope.payloadType != role.payloadType {
      let found = Role(payloadType: envelope.payloadType)?.rawValue ?? envelope.payloadType
      throw TelosError(
        .invalidArgument, "\(path) holds an object of type \(found.printable), not \(role.rawValue)"
      )
    }
    return envelope
  }
}
