import FleetIdentity
import FleetWire
import Foundation
import GRPCCore
import SwiftProtobuf
import TelosCore
import Testing
import Trust
import X509

@testable import Coordinator

/// The rules by which nodes come in and stay, with the time in the test's hand.
@Suite struct EnrolmentRuleTests {
  private static let day: TimeInterval = 86400

  /// A store in which the node n1 is enrolled with the key 1.
  private struct Scene {
    let bench: Bench
    let start = Date(timeIntervalSince1970: 1_790_000_000)

    init(_ engine: Engine) async throws {
      bench = try await Bench(engine)
      try await enrol("n1", key: 1)
    }

    static func key(_ number: UInt8) -> TelosCore.Digest { Digest(of: [number]) }

    func certificate(_ serial: String, key: UInt8, at time: Date) -> IssuedCertificate {
      IssuedCertificate(
        serial: serial, expires: time.addingTimeInterval(86400), key: Self.key(key))
    }

    func token(for name: String? = nil, at time: Date? = nil) async throws
      -> Coordinator.JoinToken
    {
      try await bench.api().authority.makeJoinToken(
        for: name, labels: [:], lifetime: 3600, by: "test", at: time ?? start
      ).token
    }

    func enrol(
      _ node: String, key: UInt8, with token: Coordinator.JoinToken? = nil,
      after seconds: TimeInterval = 0
    ) async throws {
      let token = if let token { token } else { try await self.token() }
      let time = start.addingTimeInterval(seconds)
      let certificate = certificate("\(node)-\(key)-\(seconds)", key: key, at: time)
      try await bench.store.enrol(
        node: node, labels: [:], token: token, certificate: certificate, at: time)
    }

    func used(_ serial: String) async throws {
      try await bench.store.transaction { try $0.used(serial) }
    }

    func readmit(key: UInt8, after seconds: TimeInterval) async throws {
      let time = start.addingTimeInterval(seconds)
      let certificate = certificate("r-\(key)-\(seconds)", key: key, at: time)
      try await bench.store.transaction(at: time) {
        try EnrolmentRules.readmit(node: "n1", certificate: certificate, $0)
      }
    }

    func renew(_ node: String, with serial: String, key: UInt8, after seconds: TimeInterval)
      async throws
    {
      let time = start.addingTimeInterval(seconds)
      let certificate = certificate("\(node)-\(key)-\(seconds)", key: key, at: time)
      try await bench.store.transaction(at: time) {
        try EnrolmentRules.renew(node: node, with: serial, certificate: certificate, $0)
      }
    }

    /// The code of what goes wrong.
    func failure(_ body: () async throws -> Void) async -> TelosError.Code? {
      do {
        try await body()
        return nil
      } catch { return (error as? TelosError)?.code }
    }
  }

  @Test(arguments: Engine.allCases)
  func aTokenMakesANewNodeOrTheOneThatItNames(_ engine: Engine) async throws {
    let scene = try await Scene(engine)
    let new = try await scene.token()
    #expect(await scene.failure { try await scene.enrol("n1", key: 2, with: new) } == .conflict)
    // It was not used up by that.
    try await scene.enrol("n2", key: 2, with: new)
    let named = try await scene.token(for: "n1")
    #expect(await scene.failure { try await scene.enrol("n2", key: 3, with: named) } == .forbidden)
    try await scene.enrol("n1", key: 3, with: named)
    #expect(
      await scene.failure { try await scene.renew("n1", with: "n1-1-0.0", key: 4, after: 1) }
        == .forbidden, "the replaced node's certificate")
    try await scene.renew("n1", with: "n1-3-0.0", key: 4, after: 1)
    let made = try await scene.bench.store.auditLog(limit: 20).filter { $0.action == "node.token" }
    #expect(made.first?.detail.hasPrefix("for n1,") == true)
  }

  @Test(arguments: Engine.allCases)
  func aTokenIsSpentByTheFirstCallAndNotBefore(_ engine: Engine) async throws {
    let scene = try await Scene(engine)
    let token = try await scene.token()
    try await scene.enrol("n2", key: 2, with: token)
    // What came was not stored: the same node, the same key.
    try await scene.enrol("n2", key: 2, with: token, after: 10)
    for (name, key) in [("n2", 3), ("n3", 2)] as [(String, UInt8)] {
      let code = await scene.failure {
        try await scene.enrol(name, key: key, with: token, after: 20)
      }
      #expect(code == .unauthenticated, "\(name) with key \(key)")
    }
    #expect(
      await scene.failure { try await scene.enrol("n2", key: 2, with: token, after: 3601) }
        == .unauthenticated, "expired")
    try await scene.used("n2-2-10.0")
    #expect(
      await scene.failure { try await scene.enrol("n2", key: 2, with: token, after: 30) }
        == .unauthenticated, "spent")
  }

  @Test(arguments: Engine.allCases)
  func renewalChecksTheSerialInTheSameTransaction(_ engine: Engine) async throws {
    let scene = try await Scene(engine)
    try await scene.renew("n1", with: "n1-1-0.0", key: 2, after: 10)
    // The older one is good until it expires.
    try await scene.renew("n1", with: "n1-1-0.0", key: 3, after: 20)
    try await scene.enrol("n2", key: 9)
    for (node, serial) in [("n1", "none"), ("n1", "n2-9-0.0"), ("n2", "n1-1-0.0")] {
      let code = await scene.failure {
        try await scene.renew(node, with: serial, key: 4, after: 30)
      }
      #expect(code == .forbidden, "\(node) with \(serial)")
    }
    // Revoked while the call was on its way.
    try await scene.enrol("n1", key: 5, with: try await scene.token(for: "n1"), after: 40)
    #expect(
      await scene.failure { try await scene.renew("n1", with: "n1-2-10.0", key: 6, after: 50) }
        == .forbidden)
  }

  @Test(arguments: Engine.allCases)
  func aNodeCutOffForAWeekProvesItselfWithItsOldKey(_ engine: Engine) async throws {
    let scene = try await Scene(engine)
    try await scene.used("n1-1-0.0")
    try await scene.readmit(key: 1, after: 8 * Self.day)
    let admitted = try await scene.bench.store.read(
      at: scene.start.addingTimeInterval(8 * Self.day)
    ) { try $0.admittedCertificates() }
    #expect(admitted.values.sorted() == ["n1"])
    // Again, where that could not be stored either; with another key never.
    try await scene.readmit(key: 1, after: 8 * Self.day + 60)
    #expect(
      await scene.failure { try await scene.readmit(key: 2, after: 8 * Self.day) } == .forbidden)
    #expect(
      await scene.failure { try await scene.readmit(key: 1, after: 40 * Self.day) } == .forbidden,
      "longer than a month after its end")
    try await scene.bench.api().authority.ban(node: "n1", by: "test", at: scene.start)
    #expect(
      await scene.failure { try await scene.readmit(key: 1, after: 9 * Self.day) } == .forbidden,
      "banned while it was away")
  }

  @Test(arguments: Engine.allCases)
  func anOlderKeyThanTheOneInUseProvesNothing(_ engine: Engine) async throws {
    let scene = try await Scene(engine)
    try await scene.renew("n1", with: "n1-1-0.0", key: 2, after: 10)
    // The renewed certificate never reached the node's disk.
    try await scene.readmit(key: 1, after: 2 * Self.day)
    // It did, and somebody comes with the key of a backup.
    try await scene.renew("n1", with: "r-1-172800.0", key: 3, after: 2 * Self.day + 1)
    try await scene.used("n1-3-172801.0")
    #expect(
      await scene.failure { try await scene.readmit(key: 1, after: 5 * Self.day) } == .forbidden)
    try await scene.readmit(key: 3, after: 5 * Self.day)
  }

  @Test func aNodeGetsNoMoreCertificatesThanAnHonestOneNeeds() async throws {
    let scene = try await Scene(.sqlite)
    for index in 1..<EnrolmentRules.pace {
      try await scene.renew("n1", with: "n1-1-0.0", key: 2, after: Double(index))
    }
    #expect(
      await scene.failure { try await scene.renew("n1", with: "n1-1-0.0", key: 3, after: 100) }
        == .unavailable)
    // Nor are those of long ago kept for ever.
    try await scene.renew("n1", with: "n1-1-0.0", key: 4, after: 4000)
    let last = "n1-4-4000.0"
    try await scene.renew("n1", with: last, key: 5, after: 40 * Self.day)
    let left = try await scene.bench.store.read { try $0.certificates(of: "n1").map(\.serial) }
    #expect(left == ["n1-5-\(40 * Self.day)"])
  }
}

/// The same over the wire.
@Suite(.serialized) struct EnrolmentTests {
  @Test func aNodeThatCouldNotStoreWhatItGotTriesAgain() async throws {
    try await RunningFleet.run { fleet in
      let token = try await fleet.token()
      let key = IdentityKey()
      _ = try await fleet.enrol("n1", token, key: key)
      let stored = try await fleet.enrol("n1", token, key: key)
      let thief = await #expect(throws: RPCError.self) { try await fleet.enrol("n1", token) }
      #expect(thief?.code == .unauthenticated)
      // The first call that is made with it spends the token.
      try await fleet.greet("n1", stored)
      let late = await #expect(throws: RPCError.self) {
        try await fleet.enrol("n1", token, key: key)
      }
      #expect(late?.code == .unauthenticated)
    }
  }

  @Test func aNodeIsReadmittedByTheKeyThatSignsTheRequest() async throws {
    try await RunningFleet.run { fleet in
      let credential = try await fleet.enrol("n1", try await fleet.token())
      func readmit(_ key: IdentityKey) async throws -> Credential {
        let request = try key.signingRequest(name: "n1")
        let reply = try await fleet.enrolling { client in
          try await client.readmit(
            .with {
              $0.nodeName = "n1"
              $0.csrDer = Data(request)
            })
        }
        return try Credential(
          chainDER: reply.certificateChainDer.map { [UInt8]($0) }, key: key)
      }
      let back = try await readmit(credential.key)
      #expect(back.leaf.serialNumber != credential.leaf.serialNumber)
      try await fleet.renew("n1", back)
      let stranger = await #expect(throws: RPCError.self) { try await readmit(IdentityKey()) }
      #expect(stranger?.code == .permissionDenied)
      // Another's key in a request that its own key signed.
      var request = try credential.key.signingRequest(name: "n1")
      request[request.count - 1] ^= 1
      let forged = request
      let error = await #expect(throws: RPCError.self) {
        try await fleet.enrolling { client in
          try await client.readmit(
            .with {
              $0.nodeName = "n1"
              $0.csrDer = Data(forged)
            })
        }
      }
      #expect(error?.code == .invalidArgument)
      try await fleet.daemon.authority.ban(node: "n1", by: "test", at: Date())
      await #expect(throws: RPCError.self) { try await readmit(credential.key) }
    }
  }

  @Test func aTokenThatPinsAnOlderRootGetsTheChainToTheNewest() async throws {
    try await RunningFleet.run { fleet in
      let first = try #require(fleet.daemon.publisher.current.root)
      for version in [2, 3] as [UInt64] {
        var statement = first.statement
        statement.version = version
        let next = try statement.signed(by: [fleet.rootKey])
        _ = try await fleet.daemon.publisher.applyRoot(next.json, by: "test")
      }
      func enrol(_ name: String, pinning digest: [UInt8]) async throws
        -> Telos_Fleet_V1_EnrolReply
      {
        let token = try await fleet.token()
        let request = try IdentityKey().signingRequest(name: name)
        return try await fleet.enrolling { client in
          try await client.enrol(
            .with {
              $0.tokenID = token.token.id
              $0.tokenSecret = Data(token.secret)
              $0.nodeName = name
              $0.csrDer = Data(request)
              $0.rootDigest = Data(digest)
            })
        }
      }
      let reply = try await enrol("n1", pinning: first.digest.bytes)
      let versions = try ([reply.rootEnvelope] + reply.newerRoots).map {
        try RootStatement(payload: try Envelope(wire: $0).payload).version
      }
      #expect(versions == [1, 2, 3])
      // An older node says nothing of its digest, and gets the newest alone.
      let older = try await enrol("n2", pinning: [])
      #expect(older.newerRoots.isEmpty)
      #expect(
        try RootStatement(payload: try Envelope(wire: older.rootEnvelope).payload).version == 3)
      let error = await #expect(throws: RPCError.self) {
        _ = try await enrol("n3", pinning: [UInt8](repeating: 1, count: 32))
      }
      #expect(error?.code == .failedPrecondition)
      #expect(try await fleet.daemon.store.nodes().map(\.name) == ["n1", "n2"])
    }
  }
}

extension RunningFleet {
  /// Says hello and waits for the welcome.
  func greet(_ name: String, _ credential: Credential) async throws {
    try await connected(credential) { client in
      let (outbox, out) = AsyncStream.makeStream(of: Telos_Fleet_V1_NodeMessage.self)
      out.yield(RunningFleet.hello(name))
      try await client.sync { writer in
        for await message in outbox { try await writer.write(message) }
      } onResponse: { response in
        defer { out.finish() }
        for try await message in response.messages where message.welcome.atUnixMs > 0 { return }
      }
    }
  }
}
