internal import FleetIdentity
internal import FleetWire
internal import FoundationEssentials
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

  public init(token: JoinToken, name: String, labels: Labels) {
    self.token = token
    self.name = name
    self.labels = labels
  }

  /// Enrols with the first coordinator that answers and writes everything into `folder`.
  ///
  /// - Throws: `conflict` if the node is enrolled already; what the coordinators said otherwise.
  @discardableResult
  public func run(into folder: DataFolder) async throws -> NodeIdentity {
    if (try? NodeIdentity(folder)) != nil {
      throw TelosError(
        .conflict, "this node is already enrolled: \(folder.file("identity.json"))",
        hint: "move that folder away to enrol it again")
    }
    let key = IdentityKey()
    let reply = try await ask(try key.signingRequest(name: name))
    let credential = try Credential(
      chainDER: reply.certificateChainDer.map { [UInt8]($0) }, key: key)
    let identity = try PeerIdentity(credential.leaf)
    guard identity == .node(name) else {
      throw TelosError(.refused, "the coordinator issued a certificate for \(identity)")
    }
    let root = try pinnedRoot(reply.rootEnvelope)
    let authorities = try Certificate.fleet(der: reply.authoritiesDer.map { [UInt8]($0) })
    guard authorities.contains(where: { $0.digest == token.ca }) else {
      throw TelosError(.refused, "the authority that the token pins is not among the coordinator's")
    }
    try DurableFile.write(
      Array(authorities.map(\.pem).joined(separator: "\n").utf8), to: folder.authorities)
    try TwinFile.write(root.envelope.json, to: folder.root)
    try credential.write(to: folder.credential)
    let node = NodeIdentity(
      name: name, labels: labels, coordinators: token.sync)
    try node.write(folder)
    return node
  }

  private func pinnedRoot(_ bytes: Data) throws(TelosError) -> TrustedRoot {
    guard let digest = token.root else {
      throw TelosError(
        .invalidArgument, "the join token pins no root",
        hint: "make it with `telos node token`, which adds the digest of your own root")
    }
    do throws(Refusal) {
      return try TrustedRoot.pinned(
        envelope: try Envelope(wire: bytes), digest: digest, now: Date())
    } catch { throw error.telosError }
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
      do {
        return try await Telos_Fleet_V1_Enrolment.Client(wrapping: client).enrol(
          .with {
            $0.tokenID = token.id
            $0.tokenSecret = Data(token.secret)
            $0.nodeName = name
            $0.csrDer = Data(request)
            $0.labels = labels
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
