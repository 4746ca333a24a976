internal import FleetCA
internal import FleetIdentity
internal import FleetWire
internal import FoundationEssentials
internal import GRPCCore
internal import Logging
internal import SwiftProtobuf
internal import TelosCore
internal import Trust
internal import X509

/// Port 7444: for nodes that have only a join token.
struct EnrolmentService: Telos_Fleet_V1_Enrolment.SimpleServiceProtocol {
  let authority: Authority
  let publisher: Publisher
  let metrics: Metrics
  let log: Logger

  func enrol(request: Telos_Fleet_V1_EnrolRequest, context: ServerContext) async throws
    -> Telos_Fleet_V1_EnrolReply
  {
    do {
      guard let root = publisher.current.root else {
        throw TelosError(
          .refused, "the coordinator has no root yet", hint: "telos key apply root.json")
      }
      let chain = try await authority.enrol(
        node: request.nodeName, labels: request.labels, tokenID: request.tokenID,
        secret: [UInt8](request.tokenSecret), request: [UInt8](request.csrDer), at: Date())
      metrics.enrolled(true)
      log.info("node enrolled", metadata: ["node": "\(request.nodeName)"])
      return .with {
        $0.certificateChainDer = chain.map { Data($0.der) }
        $0.authoritiesDer = [Data(authority.ca.certificate.der)]
        $0.rootEnvelope = root.envelope.wire
      }
    } catch {
      metrics.enrolled(false)
      log.warning(
        "enrolment refused",
        metadata: ["node": "\(request.nodeName.prefix(63))", "error": "\(error)"])
      throw RPCErrors.status(error)
    }
  }
}
