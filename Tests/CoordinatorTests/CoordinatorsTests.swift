import AddressSets
import FleetCA
import FleetIdentity
import FleetWire
import Foundation
import GRPCCore
import SwiftProtobuf
import Synchronization
import TelosCore
import Testing
import Trust

@testable import Coordinator

/// Two coordinators, each with its own authority and keys, over one PostgreSQL.
@Suite(.serialized) struct CoordinatorsTests {
  @Test func whatChangesAtOneReachesTheNodesOfTheOther() async throws {
    try await RunningFleet.runTwo { here, there in
      let credential = try await there.enrol("n1", try await there.token())
      try await there.connected(credential) { client in
        let sets = AsyncStream.makeStream(of: UInt64.self)
        let (outbox, out) = AsyncStream.makeStream(of: Telos_Fleet_V1_NodeMessage.self)
        out.yield(RunningFleet.hello("n1", credits: 8))
        try await withThrowingTaskGroup(of: Void.self) { group in
          group.addTask {
            try await client.sync { writer in
              for await message in outbox { try await writer.write(message) }
            } onResponse: { response in
              for try await message in response.messages {
                guard case .object(let object) = message.body else { continue }
                if object.object.kind == "ipset" { sets.continuation.yield(object.object.version) }
                out.yield(
                  .with {
                    $0.receipt.object = object.object
                    $0.receipt.outcome = .held
                  })
              }
            }
          }
          group.addTask {
            var arrived = sets.stream.makeAsyncIterator()
            _ = await arrived.next()
            var times: [Duration] = []
            for index in 0..<5 {
              let began = ContinuousClock.now
              let change = AddressSet([try IPPrefix("203.0.113.\(index)")])
              let outcome = try await here.daemon.publisher.changeBlocklist(
                .edit(add: change, remove: AddressSet()), by: "test")
              var version: UInt64?
              repeat {
                version = await arrived.next()
              } while version ?? .max < outcome.object.version
              times.append(ContinuousClock.now - began)
              // Whose receipt it was does not matter to who asks.
              #expect(
                try await eventually {
                  try await here.daemon.store.receipts(of: outcome.object).map(\.node) == ["n1"]
                })
            }
            // The middle one: the machine may be busy with something else for a moment.
            #expect(times.sorted()[2] < .seconds(1))
            out.finish()
          }
          try await group.waitForAll()
        }
      }
    }
  }

  @Test func aBanAtOneEndsTheStreamAtTheOther() async throws {
    try await RunningFleet.runTwo { here, there in
      let credential = try await there.enrol("n1", try await there.token())
      final class Box: Sendable { let at = Mutex<ContinuousClock.Instant?>(nil) }
      let box = Box()
      let error = await #expect(throws: RPCError.self) {
        try await there.connected(credential) { client in
          let (outbox, out) = AsyncStream.makeStream(of: Telos_Fleet_V1_NodeMessage.self)
          out.yield(RunningFleet.hello("n1"))
          try await client.sync { writer in
            for await message in outbox { try await writer.write(message) }
          } onResponse: { response in
            defer { out.finish() }
            for try await message in response.messages where message.welcome.atUnixMs > 0 {
              try await here.daemon.authority.ban(node: "n1", by: "test", at: Date())
              box.at.withLock { $0 = ContinuousClock.now }
            }
          }
        }
      }
      let began = try #require(box.at.withLock { $0 })
      #expect(error?.code == .permissionDenied)
      #expect(ContinuousClock.now - began < .seconds(2))
      await #expect(throws: (any Error).self) { try await there.renew("n1", credential) }
    }
  }

  @Test func aNodeOfOneIsANodeOfTheOther() async throws {
    try await RunningFleet.runTwo { here, there in
      let credential = try await here.enrol("n1", try await here.token())
      // The other one knows its certificate, which is another authority's, and issues the next one itself.
      #expect(
        try await eventually { (try? await there.renew("n1", credential)) != nil })
      let renewed = try await there.renew("n1", credential)
      #expect(try await eventually { (try? await here.renew("n1", renewed)) != nil })

      // Events that arrive at one are heard of at the other, and a batch that was acknowledged at one is a duplicate there.
      let log = try RecordedLog.slam()
      let rings = there.daemon.bell.stream()
      async let rung: Void? = rings.first { _ in true }
      for fleet in [here, there] {
        let acks = try await fleet.connected(renewed) { client in
          try await client.events { writer in
            try await writer.write(
              .with {
                $0.epoch = 9
                $0.events = log.events
              })
          } onResponse: { response in
            try await response.messages.reduce(into: [UInt64]()) { $0.append($1.throughSequence) }
          }
        }
        #expect(acks == [8])
      }
      _ = await rung
      #expect(try await there.daemon.store.events(after: 0, limit: 100).count == 8)
    }
  }

  @Test func aCoordinatorThatTheRootDoesNotListSignsNothing() async throws {
    let place = try await PostgreSQLServer.shared.value.place()
    let one = try await Bench(.postgresql, at: place)
    let stranger = try await Bench(.postgresql, at: place)
    _ = try await one.publisher.applyRoot(try one.root(), by: "test")
    try await stranger.publisher.load()
    let version = stranger.publisher.current.manifestVersion
    let error = await #expect(throws: TelosError.self) {
      try await stranger.publisher.changeBlocklist(
        .edit(add: AddressSet([try IPPrefix("203.0.113.1")]), remove: AddressSet()), by: "test")
    }
    #expect(error?.message.contains("does not list this coordinator's key") == true)
    #expect(try await one.store.read { try $0.blocklistCount() } == 0)
    #expect(try await one.store.read { try $0.object(.manifest, "")?.object.version } == version)
  }

  @Test func twoThatRenewAtOnceMakeOneManifest() async throws {
    let place = try await PostgreSQLServer.shared.value.place()
    let one = try await Bench(.postgresql, at: place)
    let other = try await Bench(.postgresql, at: place, like: one)
    _ = try await one.publisher.applyRoot(try one.root(), by: "test", at: one.now)
    try await other.publisher.load()
    let later = one.now.addingTimeInterval(1200)
    async let first: Void = one.publisher.renew(at: later)
    async let second: Void = other.publisher.renew(at: later)
    _ = try await (first, second)
    let manifests = try await one.store.read {
      try $0.connection.rows("SELECT version FROM object WHERE kind = 'manifest'").count
    }
    #expect(manifests == 2)
  }
}
