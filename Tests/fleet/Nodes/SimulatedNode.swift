import AddressSets
import EventLog
import FleetWire
import FoundationEssentials
import GRPCCore
import GRPCNIOTransportHTTP2Posix
import Kernel
import Logging
import Operations
import SwiftProtobuf
import TelosCore
import Trust

@testable import Node

/// One node without a kernel.
struct SimulatedNode: Sendable {
  var name: String
  var folder: String
  /// Text of its join token.
  var token: String
  /// HOST:PORT each; empty for those of the token.
  var coordinators: [String]

  /// Enrols unless it is enrolled already, a folder that was left half-made included.
  func enrol() async throws {
    let folder = try DataFolder(folder)
    if (try? NodeIdentity(folder)) != nil { return }
    try await Enrolment(token: try JoinToken(text: token), name: name, labels: [:]).run(
      into: folder)
  }

  private func parts() async throws -> NodeParts {
    var configuration = NodeConfiguration()
    configuration.coordinators = coordinators
    let options = NodeOptions(configuration: configuration, data: folder)
    var kernel = KernelParts(outcome: .hyperionOnly(reason: "this node is simulated"))
    kernel.standIn = SetsInMemory()
    return try await NodeParts.open(
      kernel, try NodeIdentity(try DataFolder(folder)), options, ServiceNotification(),
      Logger(label: name))
  }

  /// Runs until the task is cancelled.
  func run(eventsEvery pause: Double) async throws {
    let lock = try DataFolder(folder).lock()
    defer { withExtendedLifetime(lock) {} }
    let parts = try await parts()
    let client = parts.fleetClient(Signal())
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await client.run() }
      if pause > 0 {
        group.addTask {
          var chatter = Chatter(node: name, log: parts.events)
          while true {
            try await Task.sleep(for: .seconds(pause * .random(in: 0.5..<1.5)))
            try await chatter.say()
          }
        }
      }
      defer { group.cancelAll() }
      try await group.next()
    }
  }

  /// Says hello as a node that holds nothing, and reads none of what it is sent.
  func stall() async throws {
    let parts = try await parts()
    let client = parts.fleetClient(Signal())
    let transport = try client.connect().transport(parts.endpoints[0])
    try await withGRPCClient(transport: transport) { connection in
      try await Telos_Fleet_V1_Fleet.Client(wrapping: connection).sync(
        options: CoordinatorConnection.options
      ) { writer in
        var hello = client.session.hello
        hello.credits = SyncSession.credits
        let first = hello
        try await writer.write(.with { $0.hello = first })
        while true {
          try await Task.sleep(for: .seconds(5))
          try await writer.write(.with { $0.status.mode = "hyperion-only" })
        }
      } onResponse: { _ in
        try await Task.sleep(for: .seconds(86400))
      }
    }
  }
}

/// In the place of a kernel: takes every set and says so.
actor SetsInMemory: SetEnforcement {
  private var set = AddressSet()
  private var neverBlock = AddressSet()

  nonisolated func checkRoom(neverBlock: AddressSet) throws(TelosError) {}

  func hold(neverBlock: AddressSet) async throws(TelosError) { self.neverBlock = neverBlock }

  func hold(set: AddressSet, version: UInt64, digest: Digest) async throws(TelosError) {
    self.set = set
  }
}
