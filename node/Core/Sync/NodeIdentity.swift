internal import FoundationEssentials
public import TelosCore

/// `identity.json` in the data folder: what enrolment settled. Certificate, key, authorities and root have files of their own.
public struct NodeIdentity: Sendable, Hashable, Codable {
  public var name: String
  /// As the token bounded and the coordinator accepted them.
  public var labels: Labels
  /// Coordinators, HOST:PORT.
  public var coordinators: [String]
  /// Where they enrol nodes, HOST:PORT; nodes that were enrolled by an earlier version do not know.
  public var enrolment: [String]?

  public init(
    name: String, labels: Labels, coordinators: [String], enrolment: [String]? = nil
  ) {
    self.name = name
    self.labels = labels
    self.coordinators = coordinators
    self.enrolment = enrolment
  }

  public init(_ folder: DataFolder) throws(TelosError) {
    let path = folder.identity
    let bytes: [UInt8]
    do throws(TelosError) {
      bytes = try TwinFile.read(path, limit: 1 << 20)
    } catch {
      throw error.code == .notFound
        ? TelosError(
          .notFound, "this node is not enrolled: there is no \(path)",
          hint: "get a token with `telos node token`, then `telos-node enrol --name NAME TOKEN`")
        : error
    }
    do { self = try JSONDecoder().decode(NodeIdentity.self, from: Data(bytes)) } catch {
      throw TelosError(.corrupt, "\(path) is damaged: \(error)", hint: "enrol the node again")
    }
  }

  public func write(_ folder: DataFolder) throws(TelosError) {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .prettyPrinted]
    let data: Data
    do { data = try encoder.encode(self) } catch {
      throw TelosError(.internalError, "cannot encode the node's identity: \(error)")
    }
    try TwinFile.write(data, to: folder.identity)
  }
}

extension DataFolder {
  /// ``NodeIdentity``.
  public var identity: String { file("identity.json") }
  /// Private key and certificate chain, 0600.
  public var credential: String { file("node.pem") }
  /// The key of an enrolment that is under way, 0600.
  public var enrolmentKey: String { file("enrolment.key") }
  /// Certificates of the fleet's authorities.
  public var authorities: String { file("authorities.pem") }
  /// The newest root, as an envelope in JSON.
  public var root: String { file("root.json") }
  public var database: String { file("node.sqlite") }
  /// Where the coordinators were found last.
  public var coordinators: String { file("coordinators.json") }
}
