internal import AddressSets
internal import FleetWire
internal import FoundationEssentials
internal import Intents
internal import TelosCore
internal import Trust

/// The payload of a verified object, read.
struct ReadObject: Sendable {
  enum Content: Sendable {
    case manifest(ManifestStatement)
    case neverBlock(NeverBlockStatement)
    case set(IPSetStatement)
    case intent(IntentStatement, Intent)
  }
  var header: StatementHeader
  var content: Content

  /// Whether the kernel has to take it, which it may refuse.
  var isApplied: Bool {
    switch content {
    case .neverBlock, .set: true
    case .manifest, .intent: false
    }
  }

  /// Reads a payload strictly; every value in it is known to be usable afterwards.
  init(_ role: Role, payload: Data) throws(Refusal) {
    switch role {
    case .manifest:
      let statement = try ManifestStatement(payload: payload)
      (header, content) = (statement.header, .manifest(statement))
    case .neverBlock:
      let statement = try NeverBlockStatement(payload: payload)
      _ = try statement.set
      (header, content) = (statement.header, .neverBlock(statement))
    case .ipset:
      let statement = try IPSetStatement(payload: payload)
      (header, content) = (statement.header, .set(statement))
    case .intent:
      let statement = try IntentStatement(payload: payload)
      let intent: Intent
      do throws(TelosError) { intent = try Intent(statementPayload: payload) } catch {
        throw Refusal(.malformed, error.message, object: statement.object)
      }
      (header, content) = (statement.header, .intent(statement, intent))
    case .root:
      let statement = try RootStatement(payload: payload)
      throw Refusal(.wrongType, "a root is not taken here", object: statement.object)
    case .contain:
      throw Refusal(.malformed, "this node does not know containment yet")
    }
  }
}

extension NeverBlockStatement {
  /// The entries as a set; throws `malformed` for one that is no prefix.
  var set: AddressSet {
    get throws(Refusal) {
      var prefixes: [IPPrefix] = []
      for entry in entries {
        do throws(TelosError) { prefixes.append(try IPPrefix(entry)) } catch {
          throw Refusal(.malformed, error.message)
        }
      }
      return AddressSet(prefixes)
    }
  }
}
