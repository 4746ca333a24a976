public import AddressSets
public import FoundationEssentials
internal import SwiftProtobuf
internal import TelosCore
public import Trust

/// The payload of an IP set: the whole effective set of a scope, packed and in ascending order.
public struct IPSetStatement: Statement {
  public static let role = Role.ipset
  /// Of one set: beyond it neither a coordinator's CPU nor a kernel's memory is sure to bear it.
  public static let maximumEntries = 2_000_000

  public var scope: String
  public var version: UInt64
  /// Of the statement, whole seconds; a node that holds the set goes on after it.
  public var expires: Date
  public var set: AddressSet
  public let header: StatementHeader

  /// Throws `malformed` for a scope that is none.
  public init(scope: String = "", version: UInt64, expires: Date, set: AddressSet) throws(Refusal) {
    self.scope = scope
    self.version = version
    self.expires = expires
    self.set = set
    header = try StatementHeader(kind: .ipset, scope: scope, version: version, expires: expires)
  }

  /// Reads strictly: unknown fields, entries out of order, twice or in the wrong field are `malformed`.
  public init(payload: Data) throws(Refusal) {
    let message: Telos_Objects_V1_IPSet
    do {
      message = try Telos_Objects_V1_IPSet(serializedBytes: payload)
    } catch BinaryDecodingError.truncated {
      throw Refusal(.truncated, "the IP set ends too early")
    } catch {
      throw Refusal(.malformed, "the IP set is not protobuf")
    }
    guard message.unknownFields.data.isEmpty else {
      throw Refusal(.malformed, "the IP set has unknown fields")
    }
    guard message.version > 0, message.version <= UInt64(Int64.max) else {
      throw Refusal(.malformed, "the version of the IP set is out of range")
    }
    let count =
      message.v4.count / 4 + message.v6.count / 16 + message.v4Prefixes.count / 5
      + message.v6Prefixes.count / 17
    guard count <= Self.maximumEntries else {
      throw Refusal(.oversized, "the IP set has over \(Self.maximumEntries) entries")
    }
    let set: AddressSet
    do {
      set = try AddressSet(
        packed: .init(
          v4: message.v4, v6: message.v6, v4Prefixes: message.v4Prefixes,
          v6Prefixes: message.v6Prefixes))
    } catch {
      throw Refusal(.malformed, error.message)
    }
    // Up to the year 9999, as RFC 3339 has it.
    let seconds = min(message.expiresUnix, 253_402_300_799)
    try self.init(
      scope: message.scope, version: message.version,
      expires: Date(timeIntervalSince1970: Double(seconds)), set: set)
  }

  public var payload: Data {
    let packed = set.packed
    let message = Telos_Objects_V1_IPSet.with {
      $0.scope = scope
      $0.version = version
      $0.expiresUnix = UInt64(max(0, expires.timeIntervalSince1970))
      $0.v4 = Data(packed.v4)
      $0.v6 = Data(packed.v6)
      $0.v4Prefixes = Data(packed.v4Prefixes)
      $0.v6Prefixes = Data(packed.v6Prefixes)
    }
    return (try? message.serializedData()) ?? Data()
  }
}
