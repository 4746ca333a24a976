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
      let roots = try roots(from: request.rootDigest)
      let chain = try await authority.enrol(
        node: request.nodeName, labels: request.labels, tokenID: request.tokenID,
        secret: [UInt8](request.tokenSecret), request: [UInt8](request.csrDer), at: Date())
      metrics.enrolled(true)
      log.info("node enrolled", metadata: ["node": "\(request.nodeName)"])
      return .with {
        $0.certificateChainDer = chain.map { Data($0.der) }
        $0.authoritiesDer = [Data(authority.ca.certificate.der)]
        $0.rootEnvelope = roots.first?.envelope ?? Data()
        $0.newerRoots = roots.dropFirst().map(\.envelope)
      }
    } catch {
      metrics.enrolled(false)
      log.warning(
        "enrolment refused",
        metadata: ["node": "\(request.nodeName.prefix(63))", "error": "\(error)"])
      throw RPCErrors.status(error)
    }
  }

  func readmit(request: Telos_Fleet_V1_ReadmitRequest, context: ServerContext) async throws
    -> Telos_Fleet_V1_RenewReply
  {
    do {
      let chain = try await authority.readmit(
        node: request.nodeName, request: [UInt8](request.csrDer), at: Date())
      log.info("node readmitted", metadata: ["node": "\(request.nodeName)"])
      return .with {
        $0.certificateChainDer = chain.map { Data($0.der) }
        $0.authoritiesDer = [Data(authority.ca.certificate.der)]
      }
    } catch {
      log.warning(
        "readmission refused",
        metadata: ["node": "\(request.nodeName.prefix(63))", "error": "\(error)"])
      throw RPCErrors.status(error)
    }
  }

  /// The root that a token pins and those that followed it; without a digest the newest alone.
  private func roots(from digest: Data) throws(TelosError) -> ArraySlice<StoredObject> {
    let roots = publisher.current.objects.filter { $0.object.kind == .root }
    guard !roots.isEmpty else {
      throw TelosError(
        .refused, "the coordinator has no root yet", hint: "telos key apply root.json")
    }
    guard !digest.isEmpty else { return roots.suffix(1) }
    guard let first = roots.firstIndex(where: { $0.object.digest.bytes == [UInt8](digest) }) else {
      throw TelosError(
        .refused, "the join token pins a root that this coordinator never had",
        hint: "make the token with the root that was applied: telos node token --root root.json")
    }
    return roots[first...]
  }
}
