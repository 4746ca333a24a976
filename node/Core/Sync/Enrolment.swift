internal import FleetIdentity
internal import FleetWire
internal import FoundationEssentials
internal import Glibc
internal import GRPCCore
internal import GRPCNIOTransportHTTP2Posix
internal import NIOCore
internal import SwiftProtobuf
public import TelosCore
public import Trust
internal import X509

/// First trust: a join token, used once, becomes a certificate and a pinned root. The private key is made here and
/// never leaves.
public struct Enrolment: Sendable {
  public var token: JoinToken
  public var name: String
  public var labels: Labels
  /// Whether a node that is enrolled gets another certificate, under its own name and in its own fleet. What it holds, and its
  /// log, stay.
  public var again: Bool

  public init(token: JoinToken, name: String, labels: Labels, again: Bool = false) {
    self.token = token
    self.name = name
    self.labels = labels
    self.again = again
  }

  /// Enrols with the first coordinator that answers and writes everything into `folder`.
  ///
  /// The key is on disk before anybody is asked, and stays until everything else is: whatever fails in between, the same token
  /// can be used again.
  ///
  /// - Throws: `conflict` if the node is enrolled already; what the coordinators said otherwise.
  @discardableResult
  public func run(into folder: DataFolder) async throws -> NodeIdentity {
    let known = try? NodeIdentity(folder)
    let isUnfinished = FileStatus(folder.enrolmentKey) != nil
    guard known == nil || again || isUnfinished else {
      throw TelosError(
        .conflict, "this node is already enrolled: \(folder.file("identity.json"))",
        hint: "to give it a new certificate and keep everything else: telos-node enrol --again")
    }
    guard known == nil || known?.name == name else {
      throw TelosError(
        .conflict, "this node is enrolled as \(known?.name ?? "")",
        hint: "use that name, or move \(folder.path) away to begin as another node")
    }
    // A daemon that runs would go on with the old certificate, and write over the new one.
    let lock = again ? try folder.lock() : nil
    defer { withExtendedLifetime(lock) {} }
    let key = try key(folder)
    let reply = try await ask(try key.signingRequest(name: name))
    let credential = try Credential(
      chainDER: reply.certificateChainDer.map { [UInt8]($0) }, key: key)
    let identity = try PeerIdentity(credential.leaf)
    guard identity == .node(name) else {
      throw TelosError(.refused, "the coordinator issued a certificate for \(identity)")
    }
    let root = try EnrolledRoot(reply, pinned: token.root, kept: folder.root).root
    let authorities = try Certificate.fleet(der: reply.authoritiesDer.map { [UInt8]($0) })
    guard authorities.contains(where: { $0.digest == token.ca }) else {
      throw TelosError(.refused, "the authority that the token pins is not among the coordinator's")
    }
    try DurableFile.write(
      Array(authorities.map(\.pem).joined(separator: "\n").utf8), to: folder.authorities)
    try TwinFile.write(root.envelope.json, to: folder.root)
    try NodeCredential.write(credential, to: folder.credential)
    let node = NodeIdentity(
      name: name, labels: labels, coordinators: token.sync, enrolment: token.addresses)
    try node.write(folder)
    unlink(folder.enrolmentKey)
    return node
  }

  /// The key of an attempt that could not be finished, else a new one.
  private func key(_ folder: DataFolder) throws(TelosError) -> IdentityKey {
    if let bytes = try? SecretFile.read(folder.enrolmentKey),
      let key = try? IdentityKey(pem: String(decoding: bytes, as: UTF8.self))
    {
      return key
    }
    let key = IdentityKey()
    try SecretFile.write(Array(key.pem.utf8), to: folder.enrolmentKey, replacing: true)
    return key
  }

  private func ask(_ request: [UInt8]) async throws(TelosError) -> Telos_Fleet_V1_EnrolReply {
    var failure = TelosError(.unavailable, "the join token has no address")
    for address in token.addresses {
      let endpoint = try Endpoint(address)
      do { return try await ask(endpoint, request) } catch let error as RPCError {
        guard error.code == .unavailable || error.code == .deadlineExceeded else {
          throw TelosError(
            .refused, "\(endpoint) refused to enrol this node: \(error.message)",
            hint: "a token works once and expires; get a new one with `telos node token`")
        }
        failure = TelosError(
          .unavailable, "no answer from \(endpoint): \(error.message)",
          hint: "check that the port can be reached from here")
      } catch let error as TelosError {
        failure = error
      } catch {
        failure = TelosError(.unavailable, "no answer from \(endpoint): \(error)")
      }
    }
    throw failure
  }

  private func ask(_ endpoint: Endpoint, _ request: [UInt8]) async throws
    -> Telos_Fleet_V1_EnrolReply
  {
    let refusals = Refusals()
    let verification = CoordinatorVerification(
      pinnedTo: token.ca, onRefusal: { refusals.add($0) })
    let transport = try HTTP2ClientTransport.Posix(
      target: endpoint.target, transportSecurity: .tls { verification.configure(&$0) },
      config: .coordinator)
    return try await withGRPCClient(transport: transport) { client in
      var options = CallOptions.defaults
      options.timeout = .seconds(15)
      options.maxResponseMessageBytes = CoordinatorConnection.maximumMessage
      do {
        return try await Telos_Fleet_V1_Enrolment.Client(wrapping: client).enrol(
          .with {
            $0.tokenID = token.id
            $0.tokenSecret = Data(token.secret)
            $0.nodeName = name
            $0.csrDer = Data(request)
            $0.labels = labels
            if let root = token.root { $0.rootDigest = Data(root.bytes) }
          }, options: options)
      } catch {
        if let refusal = refusals.first {
          throw TelosError(
            .unauthenticated, "\(endpoint) is not the coordinator of the token: \(refusal.detail)",
            hint: "check for a proxy or an interceptor on the path, then get a new token")
        }
        throw error
      }
    }
  }
}
