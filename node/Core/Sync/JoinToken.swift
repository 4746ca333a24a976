internal import FoundationEssentials
public import TelosCore

/// What `telos node token` prints: `telos1.` and base64url of JSON. It pins the fleet's authority and root.
public struct JoinToken: Sendable, Hashable {
  /// Coordinators' enrolment ports.
  public var addresses: [Endpoint]
  /// Coordinators' sync ports, as configured afterwards.
  public var sync: [Endpoint]
  /// SHA-256 of the authority's certificate in DER.
  public var authority: Digest
  public var id: String
  /// Of one use; 32 bytes.
  public var secret: [UInt8]
  /// SHA-256 of the root's payload, which the operator's CLI added from a file of its own.
  public var root: Digest

  private struct Form: Decodable {
    var addresses: [String]
    var sync: [String]
    var ca: Digest
    var id: String
    var secret: Data
    var root: Digest?
  }

  public init(_ text: String) throws(TelosError) {
    let hint = "copy the whole line that `telos node token` printed"
    let trimmed = text.filter { !$0.isWhitespace }
    guard trimmed.hasPrefix("telos1."), trimmed.utf8.count <= 64 << 10 else {
      throw TelosError(.invalidArgument, "this is not a join token", hint: hint)
    }
    var base64 = String(
      trimmed.dropFirst(7).map { $0 == "-" ? "+" : $0 == "_" ? "/" : $0 }.filter { $0 != "=" })
    base64 += String(repeating: "=", count: (4 - base64.utf8.count % 4) % 4)
    guard let data = Data(base64Encoded: base64),
      let form = try? JSONDecoder().decode(Form.self, from: data)
    else { throw TelosError(.invalidArgument, "the join token is damaged", hint: hint) }
    guard let root = form.root else {
      throw TelosError(
        .invalidArgument, "the join token names no root: it did not come from the operator's CLI",
        hint: "make it with `telos node token`, which adds the root's digest from your own file")
    }
    guard !form.addresses.isEmpty, !form.sync.isEmpty, form.secret.count == 32, !form.id.isEmpty
    else { throw TelosError(.invalidArgument, "the join token lacks something", hint: hint) }
    self.root = root
    authority = form.ca
    id = form.id
    secret = [UInt8](form.secret)
    addresses = []
    sync = []
    for address in form.addresses { addresses.append(try Endpoint(address)) }
    for address in form.sync { sync.append(try Endpoint(address)) }
  }
}
