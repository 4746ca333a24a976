internal import CTelosABI
internal import EventLog
internal import FleetIdentity
internal import FleetWire
internal import Kernel
internal import Logging
internal import SwiftProtobuf
internal import TelosCore

extension NodeParts {
  /// The client that keeps this node in touch with its fleet.
  func fleetClient(_ wake: Signal) -> FleetClient {
    let hello = Telos_Fleet_V1_Hello.with {
      $0.nodeName = identity.name
      $0.bootID = Machine.current.bootID
      $0.kernel = Machine.current.kernel
      $0.version = TelosVersion.current
      $0.layout = UInt32(TELOS_LAYOUT)
      $0.labels = identity.labels
    }
    let authorities = authorities
    let session = SyncSession(
      keeper: keeper, hello: hello, log: log,
      status: { Telos_Fleet_V1_Status(await status(coordinator: nil)) },
      changes: { wake.stream() }, onWelcome: {},
      onHeld: { object in
        if object.kind == .intent { wake.notify() }
        guard object.kind == .ipset || object.kind == .neverBlock else { return }
        let entries = await keeper.setEntries ?? 0
        do throws(TelosError) {
          try await events.append([.set(object, entries: entries)])
        } catch { log.error("cannot log that a set is held", metadata: ["error": "\(error)"]) }
      })
    return FleetClient(
      endpoints: endpoints,
      connect: { [credential, log] in
        CoordinatorConnection(
          source: try credential.source(),
          verification: CoordinatorVerification(
            authorities: { authorities.current },
            onRefusal: {
              log.warning("the coordinator's certificate is refused", metadata: ["reason": "\($0)"])
            }))
      },
      credentialPath: folder.credential,
      readmission: Readmission(
        endpoints: enrolment, path: folder.credential, name: identity.name, log: log),
      name: identity.name, session: session,
      upload: EventUpload(log: events, bootID: Machine.current.bootID), log: log)
  }

  /// Where coordinators enrol nodes; on the standard port of the same hosts where enrolment did not say.
  private var enrolment: [Endpoint] {
    let named = (identity.enrolment ?? []).compactMap { try? Endpoint($0) }
    guard named.isEmpty else { return named }
    return endpoints.map { endpoint in
      var endpoint = endpoint
      endpoint.port = 7444
      return endpoint
    }
  }

  /// Tells the kernel which socket every managed task may connect to.
  func announce(_ socket: String) throws(TelosError) {
    guard let standing = gates.standing else { return }
    guard let file = try standing.resolver.identities(of: socket).first else {
      throw TelosError(.kernel, "the kernel does not know the control socket \(socket)")
    }
    standing.gates.setControlSocket(file)
  }
}

extension GateState {
  /// The agent whose label an accepted connection carries; nil where no gate could have put one.
  @Sendable func label(_ descriptor: Int32) throws(TelosError) -> UInt64? {
    guard let standing else { return nil }
    return try standing.gates.label(ofSocket: descriptor)?.agent
  }
}
