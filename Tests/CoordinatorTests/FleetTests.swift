import AddressSets
import FleetCA
import FleetIdentity
import FleetWire
import Foundation
import GRPCCore
import GRPCNIOTransportHTTP2Posix
import SwiftProtobuf
import Synchronization
import TelosCore
import Testing
import Trust

@testable import Coordinator

/// Over real TLS and gRPC on loopback.
@Suite(.serialized) struct FleetTests {
  @Test func aNodeEnrolsSyncsAnswersAndReports() async throws {
    try await RunningFleet.run { fleet in
      let credential = try await fleet.enrol(
        "n1", try await fleet.token(["role": "agents"]), labels: ["role": "agents"])
      try await fleet.connected(credential) { client in
        let kinds = Mutex<[String]>([])
        let (outbox, out) = AsyncStream.makeStream(of: Telos_Fleet_V1_NodeMessage.self)
        out.yield(RunningFleet.hello("n1", labels: ["role": "agents"], credits: 1))
        try await client.sync { writer in
          for await message in outbox { try await writer.write(message) }
        } onResponse: { response in
          for try await message in response.messages {
            guard case .object(let object) = message.body else { continue }
            kinds.withLock { $0.append(object.object.kind) }
            #expect(
              try Envelope(wire: object.envelope).digest.bytes == [UInt8](object.object.digest))
            out.yield(
              .with {
                $0.receipt.object = object.object
                $0.receipt.outcome = .held
                $0.receipt.bootID = "boot"
              })
            if kinds.withLock({ $0.count }) == 3 {
              // While the stream is open a change reaches the node at once.
              _ = try await fleet.daemon.publisher.changeBlocklist(
                .edit(add: AddressSet([try IPPrefix("203.0.113.9")]), remove: AddressSet()),
                by: "test")
            }
            if kinds.withLock({ $0.count }) == 5 { out.finish() }
          }
        }
        #expect(
          kinds.withLock { $0 } == ["root", "manifest", "ipset", "manifest", "ipset"])
        let object = try #require(
          fleet.daemon.publisher.current.objects.first { $0.object.kind == .ipset }
        ).object
        #expect(
          try await eventually {
            try await fleet.daemon.store.receipts(of: object).map(\.outcome) == [.held]
          })

        let log = try RecordedLog.slam()
        let acks = try await client.events { writer in
          for _ in 0..<2 {
            try await writer.write(
              .with {
                $0.epoch = 9; $0.events = log.events
              })
          }
        } onResponse: { response in
          try await response.messages.reduce(into: [UInt64]()) { $0.append($1.throughSequence) }
        }
        #expect(acks == [8, 8])
        #expect(try await fleet.daemon.store.events(after: 0, limit: 100).count == 8)
        #expect(try await fleet.daemon.store.incidents().map(\.severity) == [.critical])
      }
    }
  }

  @Test func aJoinTokenWorksOnce() async throws {
    try await RunningFleet.run { fleet in
      let token = try await fleet.token()
      _ = try await fleet.enrol("n1", token)
      for name in ["n1", "n2"] {
        let error = await #expect(throws: RPCError.self) {
          try await fleet.enrol(name, token)
        }
        #expect(error?.code == .unauthenticated)
      }
      #expect(try await fleet.daemon.store.nodes().map(\.name) == ["n1"])
    }
  }

  @Test func aTokenBoundsLabelsAndTakesNoNameOverThatItWasNotMadeFor() async throws {
    try await RunningFleet.run { fleet in
      let spare = try await fleet.token(["role": "agents"])
      let error = await #expect(throws: RPCError.self) {
        try await fleet.enrol("n1", spare, labels: ["role": "admin"])
      }
      #expect(error?.code == .permissionDenied)
      let old = try await fleet.enrol("n1", try await fleet.token())
      for token in [spare, try await fleet.token()] {
        let taken = await #expect(throws: RPCError.self) { try await fleet.enrol("n1", token) }
        #expect(taken?.code == .alreadyExists)
      }
      let named = try await fleet.token(for: "n1")
      let other = await #expect(throws: RPCError.self) { try await fleet.enrol("n2", named) }
      #expect(other?.code == .permissionDenied)

      // With the token that was made for it the node enrols again, and its older certificate is worth nothing.
      let new = try await fleet.enrol("n1", named)
      let refused = await #expect(throws: RPCError.self) { try await fleet.renew("n1", old) }
      #expect(refused != nil)
      try await fleet.renew("n1", new)
    }
  }

  @Test func aNodeRenewsItsCertificateForItselfOnly() async throws {
    try await RunningFleet.run { fleet in
      let credential = try await fleet.enrol("n1", try await fleet.token())
      let renewed = try await fleet.renew("someone-else", credential)
      #expect(try PeerIdentity(renewed.leaf) == .node("n1"))
      try await fleet.renew("n1", renewed)
    }
  }

  @Test func aBannedNodeLosesItsStreamAndComesBackWithNothing() async throws {
    try await RunningFleet.run { fleet in
      let token = try await fleet.token()
      let credential = try await fleet.enrol("n1", token)
      let error = await #expect(throws: RPCError.self) {
        try await fleet.connected(credential) { client in
          let (outbox, out) = AsyncStream.makeStream(of: Telos_Fleet_V1_NodeMessage.self)
          out.yield(RunningFleet.hello("n1"))
          try await client.sync { writer in
            for await message in outbox { try await writer.write(message) }
          } onResponse: { response in
            defer { out.finish() }
            for try await message in response.messages where message.welcome.atUnixMs > 0 {
              try await fleet.daemon.authority.ban(node: "n1", by: "test", at: Date())
            }
          }
        }
      }
      #expect(error?.code == .permissionDenied)
      #expect(try await eventually { fleet.daemon.connections.connected.isEmpty })
      await #expect(throws: (any Error).self) { try await fleet.renew("n1", credential) }
      let again = await #expect(throws: RPCError.self) {
        try await fleet.enrol("n1", try await fleet.token(for: "n1"))
      }
      #expect(again?.code == .permissionDenied)
    }
  }

  @Test func aCertificateOfTheAuthorityThatTheStoreNeverIssuedGetsNoCall() async throws {
    try await RunningFleet.run { fleet in
      let key = IdentityKey()
      let leaf = try fleet.daemon.ca.issue(
        node: "ghost", request: try key.signingRequest(name: "ghost"))
      let credential = try Credential(chain: [leaf], key: key)
      await #expect(throws: (any Error).self) { try await fleet.renew("ghost", credential) }
    }
  }

  @Test func aHelloForAnotherNodeOrWithOtherLabelsIsRefused() async throws {
    try await RunningFleet.run { fleet in
      let credential = try await fleet.enrol("n1", try await fleet.token())
      for hello in [RunningFleet.hello("n2"), RunningFleet.hello("n1", labels: ["role": "x"])] {
        let error = await #expect(throws: RPCError.self) {
          try await fleet.connected(credential) { client in
            try await client.sync { writer in
              try await writer.write(hello)
              try await Task.sleep(for: .seconds(5))
            } onResponse: { response in
              for try await _ in response.messages {}
            }
          }
        }
        #expect(error?.code == .permissionDenied)
      }
    }
  }
}
