import AddressSets
import EventLog
import FleetCA
import FleetIdentity
import FleetWire
import FoundationEssentials
import GRPCCore
import GRPCNIOTransportHTTP2Posix
import Logging
import NIOCore
import SwiftProtobuf
import Synchronization
import TelosCore
import Testing
import Trust
import X509

@testable import Node

/// A coordinator as far as one node's wire goes: it commits events, acknowledges after that, and can fail on purpose.
final class Desk: Sendable {
  struct State {
    var hellos: [Telos_Fleet_V1_Hello] = []
    var receipts: [Telos_Fleet_V1_Receipt] = []
    var statuses: [Telos_Fleet_V1_Status] = []
    /// Committed: by epoch and sequence, each once.
    var committed: [UInt64: [UInt64: Telos_Fleet_V1_Event]] = [:]
    var duplicates = 0
    var batches = 0
    /// Breaks the stream after so many more batches are committed, before they are acknowledged.
    var breakAfter: Int?
    /// Acknowledged in the place of what was committed.
    var claims: UInt64?
    /// Acknowledged with the next batch as the hash of its last record.
    var claimedHash: Data?
    var objects: [Envelope] = []
    var renewals = 0
    var enrolments: [Telos_Fleet_V1_EnrolRequest] = []
    /// Sent with the root that the token pins.
    var newerRoots: [Envelope] = []
    var readmissions: [Telos_Fleet_V1_ReadmitRequest] = []
    var isBanned = false
  }
  let state = Mutex(State())

  func wait(_ what: String, seconds: Int = 60, _ condition: @Sendable (State) -> Bool) async throws
  {
    for _ in 0..<(seconds * 50) {
      if state.withLock({ condition($0) }) { return }
      try await Task.sleep(for: .milliseconds(20))
    }
    Issue.record("timed out: \(what)")
    throw TelosError(.timeout, what)
  }
}

struct DeskFleet: Telos_Fleet_V1_Fleet.SimpleServiceProtocol {
  let desk: Desk
  let authority: CertificateAuthority

  func sync(
    request: RPCAsyncSequence<Telos_Fleet_V1_NodeMessage, any Error>,
    response: RPCWriter<Telos_Fleet_V1_CoordinatorMessage>, context: ServerContext
  ) async throws {
    try await response.write(
      .with { $0.welcome.spiffeID = Peer.current?.identity.spiffeID ?? "nobody" })
    for try await message in request {
      switch message.body {
      case .hello(let hello):
        let objects = desk.state.withLock { state in
          state.hellos.append(hello)
          return state.objects
        }
        for envelope in objects {
          try await response.write(
            .with {
              $0.object.envelope = envelope.wire
              if let object = try? envelope.object { $0.object.object = .init(object) }
            })
        }
      case .receipt(let receipt): desk.state.withLock { $0.receipts.append(receipt) }
      case .status(let status): desk.state.withLock { $0.statuses.append(status) }
      default: break
      }
    }
  }

  func events(
    request: RPCAsyncSequence<Telos_Fleet_V1_EventBatch, any Error>,
    response: RPCWriter<Telos_Fleet_V1_EventAck>, context: ServerContext
  ) async throws {
    for try await batch in request {
      let (through, hash) = try desk.state.withLock { state in
        state.batches += 1
        for event in batch.events {
          if state.committed[batch.epoch, default: [:]].updateValue(event, forKey: event.sequence)
            != nil
          {
            state.duplicates += 1
          }
        }
        if let left = state.breakAfter {
          state.breakAfter = left > 1 ? left - 1 : nil
          if left <= 1 { throw RPCError(code: .unavailable, message: "the wire was cut") }
        }
        defer { (state.claims, state.claimedHash) = (nil, nil) }
        let own = try batch.events.last.map { Data(try $0.chainHash().bytes) }
        return (
          state.claims ?? batch.events.last?.sequence ?? 0, state.claimedHash ?? own ?? Data()
        )
      }
      try await response.write(
        .with {
          $0.epoch = batch.epoch
          $0.throughSequence = through
          $0.hash = hash
        })
    }
  }

  func renew(request: Telos_Fleet_V1_RenewRequest, context: ServerContext) async throws
    -> Telos_Fleet_V1_RenewReply
  {
    desk.state.withLock { $0.renewals += 1 }
    let node = Peer.currentNode ?? ""
    let leaf = try authority.issue(node: node, request: Array(request.csrDer))
    return .with { $0.certificateChainDer = [Data(leaf.der)] }
  }
}

struct DeskEnrolment: Telos_Fleet_V1_Enrolment.SimpleServiceProtocol {
  let desk: Desk
  let authority: CertificateAuthority
  let root: Envelope

  func enrol(request: Telos_Fleet_V1_EnrolRequest, context: ServerContext) async throws
    -> Telos_Fleet_V1_EnrolReply
  {
    desk.state.withLock { $0.enrolments.append(request) }
    guard request.tokenID == "t1", request.tokenSecret == Data(repeating: 7, count: 32) else {
      throw RPCError(code: .permissionDenied, message: "no such token")
    }
    let leaf = try authority.issue(node: request.nodeName, request: Array(request.csrDer))
    return .with {
      $0.certificateChainDer = [Data(leaf.der)]
      $0.authoritiesDer = [Data(authority.certificate.der)]
      $0.rootEnvelope = root.wire
      $0.newerRoots = desk.state.withLock { $0.newerRoots.map(\.wire) }
    }
  }

  func readmit(request: Telos_Fleet_V1_ReadmitRequest, context: ServerContext) async throws
    -> Telos_Fleet_V1_RenewReply
  {
    let isBanned = desk.state.withLock { state in
      state.readmissions.append(request)
      return state.isBanned
    }
    if isBanned { throw RPCError(code: .permissionDenied, message: "banned") }
    let leaf = try authority.issue(node: request.nodeName, request: Array(request.csrDer))
    return .with { $0.certificateChainDer = [Data(leaf.der)] }
  }
}

/// A fleet of one coordinator on loopback.
struct TestFleet {
  let desk = Desk()
  let authority: CertificateAuthority
  let signers = Signers()
  let root: Envelope

  init() throws {
    authority = try CertificateAuthority()
    root = try signers.rootStatement(authorities: [authority.certificate.pem]).signed(
      by: [signers.root])
  }

  /// Serves sync (mutual TLS) and enrolment (server TLS) while `body` runs with their ports.
  func serving<R: Sendable>(_ body: (_ sync: Int, _ enrolment: Int) async throws -> R) async throws
    -> R
  {
    let certificate = authority.certificate
    let source = try CredentialSource(authority.issueServer(names: []))
    let admission = PeerAdmission(authorities: { [certificate] }, isBanned: { _ in false })
    let sync = HTTP2ServerTransport.Posix(
      address: .ipv4(host: "127.0.0.1", port: 0),
      transportSecurity: try .mTLS(certificateReloader: source) { admission.configure(&$0) })
    let enrolment = HTTP2ServerTransport.Posix(
      address: .ipv4(host: "127.0.0.1", port: 0),
      transportSecurity: try .tls(certificateReloader: source) { $0.requireALPN = true })
    let servers = [
      GRPCServer(
        transport: sync, services: [DeskFleet(desk: desk, authority: authority)],
        interceptors: [PeerInterceptor(admission: admission, calls: LiveCalls())]),
      GRPCServer(
        transport: enrolment,
        services: [DeskEnrolment(desk: desk, authority: authority, root: root)]),
    ]
    return try await withThrowingTaskGroup(of: Void.self) { group in
      for server in servers { group.addTask { try await server.serve() } }
      defer { group.cancelAll() }
      let first = try #require(try await sync.listeningAddress.ipv4).port
      let second = try #require(try await enrolment.listeningAddress.ipv4).port
      return try await body(first, second)
    }
  }

  func token(enrolment: Int, sync: Int, root: TelosCore.Digest? = nil, secret: UInt8 = 7)
    -> Trust.JoinToken
  {
    JoinToken(
      addresses: ["127.0.0.1:\(enrolment)"], sync: ["127.0.0.1:\(sync)"], ca: authority.digest,
      id: "t1", secret: [UInt8](repeating: secret, count: 32), root: root ?? self.root.digest)
  }

  /// Runs a node's client on `log` while `body` runs.
  func node<R: Sendable>(
    _ folder: String, port: Int, keeper: ObjectKeeper, log: EventLog, credential: Credential? = nil,
    enrolment: Int? = nil, upload: (inout EventUpload) -> Void = { _ in },
    _ body: () async throws -> R
  ) async throws -> R {
    let key = IdentityKey()
    let issued = try Credential(
      chain: [try authority.issue(node: "n1", request: try key.signingRequest(name: "n1"))],
      key: key)
    let certificate = authority.certificate
    var events = EventUpload(log: log, bootID: "boot")
    upload(&events)
    let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    let client = FleetClient(
      endpoints: [try Endpoint("127.0.0.1:\(port)")],
      connect: { [source = try CredentialSource(credential ?? issued)] in
        CoordinatorConnection(
          source: source, verification: CoordinatorVerification(authorities: { [certificate] }))
      },
      credentialPath: "\(folder)/node.pem",
      readmission: Readmission(
        endpoints: try enrolment.map { [try Endpoint("127.0.0.1:\($0)")] } ?? [],
        path: "\(folder)/node.pem", name: "n1", log: quiet),
      name: "n1",
      session: SyncSession(
        keeper: keeper, hello: .with { $0.nodeName = "n1" }, log: quiet,
        status: { .with { $0.mode = "hyperion-only" } }, changes: { AsyncStream { _ in } },
        onWelcome: {}, onHeld: { _ in }), upload: events, log: quiet)
    return try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await client.run() }
      defer { group.cancelAll() }
      return try await body()
    }
  }
}

@Suite(.serialized) struct FleetClientTests {
  private func event(_ n: Int) -> Telos_Fleet_V1_Event {
    .with {
      $0.kind = "denied"
      $0.detail = "\(n)"
      $0.count = 1
    }
  }

  private func keeper(_ fleet: TestFleet, _ folder: String) throws -> KeeperFixture {
    try KeeperFixture(
      folder, signers: fleet.signers,
      root: fleet.signers.rootStatement(authorities: [fleet.authority.certificate.pem]))
  }

  @Test func objectsComeDownAndReceiptsGoUp() async throws {
    try await withFolder { folder in
      let fleet = try TestFleet()
      let fixture = try keeper(fleet, folder)
      let log = try await EventLog.open(folder: folder, node: "n1")
      let intent = try fleet.signers.intentEnvelope()
      let set = try fleet.signers.set((1...5000).map { "198.51.\($0 >> 8).\($0 & 255)" })
      let bad = try fleet.signers.intentEnvelope("bad", key: fleet.signers.ipset)
      let objects = [intent, set, bad, try fleet.signers.manifest([intent, set, bad])]
      fleet.desk.state.withLock { $0.objects = objects }
      try await fleet.serving { port, _ in
        try await fleet.node(folder, port: port, keeper: fixture.keeper, log: log) {
          try await fleet.desk.wait("four receipts") { $0.receipts.count >= 4 }
          try await fleet.desk.wait("a status") { !$0.statuses.isEmpty }
        }
      }
      let receipts = fleet.desk.state.withLock { $0.receipts }
      #expect(
        Set(receipts.filter { $0.outcome == .held }.map(\.object.kind)) == [
          "manifest", "intent", "ipset",
        ])
      let refused = try #require(receipts.first { $0.outcome == .refused })
      #expect(refused.object.name == "bad" && refused.errorCode == "wrong-role")
      #expect(refused.bootID == Machine.current.bootID && !refused.simulated)
      #expect(await fixture.sets.set.count == 5000)
      #expect(fleet.desk.state.withLock { $0.hellos.first?.credits } == SyncSession.credits)
    }
  }

  @Test func everyEventArrivesOnceThoughTheWireBreaksAgainAndAgain() async throws {
    try await withFolder { folder in
      let fleet = try TestFleet()
      let fixture = try keeper(fleet, folder)
      let log = try await EventLog.open(folder: folder, node: "n1")
      for n in 0..<10 { try await log.append((0..<50).map { event(n * 50 + $0) }) }
      fleet.desk.state.withLock { $0.breakAfter = 3 }
      try await fleet.serving { port, _ in
        try await fleet.node(
          folder, port: port, keeper: fixture.keeper, log: log,
          upload: {
            $0.batch = 40
            $0.window = 100
          }
        ) {
          try await fleet.desk.wait("first break") { $0.batches >= 3 }
          fleet.desk.state.withLock { $0.breakAfter = 2 }
          for n in 10..<14 { try await log.append((0..<50).map { event(n * 50 + $0) }) }
          try await fleet.desk.wait("all events") { state in
            state.committed.values.reduce(0) { $0 + $1.count } == 700
          }
          for _ in 0..<200 where log.acknowledged < 700 {
            try await Task.sleep(for: .milliseconds(20))
          }
        }
      }
      #expect(log.acknowledged == 700)
      let (committed, duplicates) = fleet.desk.state.withLock { ($0.committed, $0.duplicates) }
      let events = try #require(committed[log.epoch])
      #expect(events.keys.sorted() == Array(1...700))
      #expect((1...700).allSatisfy { events[UInt64($0)]?.detail == "\($0 - 1)" })
      #expect(duplicates > 0, "what was committed and not acknowledged was sent again")
      for sequence in 2...UInt64(700) {
        let before = try #require(events[sequence - 1]).chainHash()
        #expect(Digest(bytes: events[sequence]?.previousHash ?? Data()) == before)
      }
    }
  }

  @Test func aCoordinatorThatSawMoreMakesTheLogBeginAnew() async throws {
    try await withFolder { folder in
      let fleet = try TestFleet()
      let fixture = try keeper(fleet, folder)
      let log = try await EventLog.open(folder: folder, node: "n1")
      let old = log.epoch
      try await log.append([event(1)])
      fleet.desk.state.withLock { $0.claims = 50 }
      try await fleet.serving { port, _ in
        try await fleet.node(folder, port: port, keeper: fixture.keeper, log: log) {
          try await fleet.desk.wait("the new epoch") { $0.committed.count == 2 }
        }
      }
      #expect(log.epoch > old)
      let records = fleet.desk.state.withLock { $0.committed[log.epoch] ?? [:] }
      #expect(records[1]?.reason == "log-replaced" && records[2]?.detail == "1")
    }
  }

  @Test func aCoordinatorWithAnotherRecordUnderTheSameNumberMakesTheLogBeginAnew() async throws {
    try await withFolder { folder in
      let fleet = try TestFleet()
      let fixture = try keeper(fleet, folder)
      let log = try await EventLog.open(folder: folder, node: "n1")
      let old = log.epoch
      try await log.append((0..<20).map { event($0) })
      fleet.desk.state.withLock { $0.claimedHash = Data(repeating: 9, count: 32) }
      try await fleet.serving { port, _ in
        try await fleet.node(folder, port: port, keeper: fixture.keeper, log: log) {
          try await fleet.desk.wait("the new epoch") { $0.committed.count == 2 }
          for _ in 0..<200 where log.acknowledged < 21 {
            try await Task.sleep(for: .milliseconds(20))
          }
        }
      }
      #expect(log.epoch > old && log.acknowledged == 21)
      let records = fleet.desk.state.withLock { $0.committed[log.epoch] ?? [:] }
      #expect(records[1]?.reason == "log-replaced")
      #expect((0..<20).allSatisfy { records[UInt64($0 + 2)]?.detail == "\($0)" })
    }
  }

  @Test func aCertificatePastItsHalfLifeIsRenewedOnTheWire() async throws {
    try await withFolder { folder in
      let fleet = try TestFleet()
      let fixture = try keeper(fleet, folder)
      let log = try await EventLog.open(folder: folder, node: "n1")
      let key = IdentityKey()
      let young = try fleet.authority.issue(
        node: "n1", request: try key.signingRequest(name: "n1"))
      let life = young.notValidAfter.timeIntervalSince(young.notValidBefore)
      let old = try fleet.authority.issue(
        node: "n1", request: try key.signingRequest(name: "n1"),
        now: .now.addingTimeInterval(-life * 0.7))
      try await fleet.serving { port, _ in
        try await fleet.node(
          folder, port: port, keeper: fixture.keeper, log: log,
          credential: try Credential(chain: [old], key: key)
        ) {
          for _ in 0..<500 where FileStatus("\(folder)/node.pem") == nil {
            try await Task.sleep(for: .milliseconds(20))
          }
        }
      }
      let renewed = try Credential(contentsOf: "\(folder)/node.pem")
      #expect(renewed.leaf.notValidAfter > old.notValidAfter)
      #expect(renewed.key.pem != key.pem, "with a key of its own")
    }
  }

  @Test func reconnectingWaitsLongerEachTimeAndNeverForLong() {
    #expect(FleetClient.pause(0, random: 0) == .seconds(0.25))
    #expect(FleetClient.pause(0, random: 1) == .seconds(0.5))
    #expect(FleetClient.pause(100, random: 1) == .seconds(30))
  }

  @Test func aNodeEnrolsWithATokenAndPinsAuthorityAndRoot() async throws {
    try await withFolder { path in
      let fleet = try TestFleet()
      let folder = try DataFolder("\(path)/data")
      try await fleet.serving { sync, port in
        let enrolment = Enrolment(
          token: fleet.token(enrolment: port, sync: sync), name: "n1",
          labels: ["role": "agents"])
        try await enrolment.run(into: folder)
        let error = await #expect(throws: TelosError.self) { try await enrolment.run(into: folder) }
        #expect(error?.code == .conflict)
        let identity = try NodeIdentity(folder)
        #expect(identity.name == "n1" && identity.coordinators == ["127.0.0.1:\(sync)"])
      }
      let request = try #require(fleet.desk.state.withLock { $0.enrolments.first })
      #expect(request.labels == ["role": "agents"] && request.nodeName == "n1")
      #expect(FileStatus(folder.credential)?.permissions == 0o600)
      _ = try Credential(contentsOf: folder.credential)
      let root = try Envelope(json: Data(try DurableFile.read(folder.root)))
      #expect(root.digest == fleet.root.digest)
    }
  }

  @Test func enrolmentIsRefusedWithoutTheRightTokenAuthorityOrRoot() async throws {
    try await withFolder { path in
      let fleet = try TestFleet()
      let stranger = try TestFleet()
      try await fleet.serving { sync, port in
        func attempt(_ token: Trust.JoinToken) async -> TelosError.Code? {
          do {
            let folder = try DataFolder("\(path)/data")
            try await Enrolment(token: token, name: "n1", labels: [:]).run(into: folder)
            return nil
          } catch { return (error as? TelosError)?.code }
        }
        #expect(
          await attempt(fleet.token(enrolment: port, sync: sync, secret: 8)) == .refused)
        #expect(
          await attempt(stranger.token(enrolment: port, sync: sync)) == .unauthenticated)
        #expect(
          fleet.desk.state.withLock { $0.enrolments.count } == 1, "no secret went to a stranger")
        #expect(
          await attempt(fleet.token(enrolment: port, sync: sync, root: Digest(of: [1])))
            == .refused)
        #expect(FileStatus("\(path)/data/identity.json") == nil)
      }
    }
  }
}
