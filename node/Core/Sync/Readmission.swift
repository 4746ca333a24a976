internal import FleetIdentity
internal import FleetWire
internal import FoundationEssentials
internal import GRPCCore
internal import GRPCNIOTransportHTTP2Posix
internal import Logging
internal import SwiftProtobuf
internal import TelosCore
internal import X509

/// How a node whose certificate expired while nobody could be reached comes back: it proves itself with the key of that
/// certificate, where nodes enrol.
struct Readmission: Sendable {
  /// Of enrolment.
  var endpoints: [Endpoint]
  /// Where the credential is kept.
  var path: String
  var name: String
  var log: Logger

  /// Does nothing as long as the certificate is good. Otherwise puts another one in its place, in memory, and on disk if there
  /// is room.
  func run(_ connection: CoordinatorConnection, now: Date = Date()) async throws {
    let expired = connection.source.credential
    guard expired.leaf.notValidAfter < now else { return }
    let request = try expired.key.signingRequest(name: name)
    var failure: (any Error)?
    for endpoint in endpoints {
      do {
        let credential = try Credential(
          chainDER: try await ask(endpoint, request, connection), key: expired.key)
        guard try PeerIdentity(credential.leaf) == PeerIdentity(expired.leaf) else {
          throw TelosError(.refused, "the new certificate is for another identity")
        }
        try connection.source.replace(with: credential)
        log.notice("the certificate expired; the coordinator at \(endpoint) gave another one")
        do { try NodeCredential.write(credential, to: path) } catch {
          log.error("the new certificate cannot be stored: \(error)")
        }
        return
      } catch { failure = error }
    }
    throw failure
      ?? TelosError(
        .unauthenticated, "the certificate expired, and no address is known where to get another",
        hint: "enrol the node again: telos-node enrol --again")
  }

  private func ask(_ endpoint: Endpoint, _ request: [UInt8], _ connection: CoordinatorConnection)
    async throws -> [[UInt8]]
  {
    let transport = try HTTP2ClientTransport.Posix(
      target: endpoint.target,
      transportSecurity: .tls { connection.verification.configure(&$0) }, config: .coordinator)
    return try await withGRPCClient(transport: transport) { client in
      var options = CallOptions.defaults
      options.timeout = .seconds(15)
      let reply = try await Telos_Fleet_V1_Enrolment.Client(wrapping: client).readmit(
        .with {
          $0.nodeName = name
          $0.csrDer = Data(request)
        }, options: options)
      return reply.certificateChainDer.map { [UInt8]($0) }
    }
  }
}
