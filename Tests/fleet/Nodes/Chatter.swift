import EventLog
import FleetWire
import SwiftProtobuf
import TelosCore

@testable import Node

/// Events that a checker can count: each has the name of its node and a number that this run of the node never gives twice.
struct Chatter {
  private let node: String
  private let log: EventLog
  private let run = UInt32.random(in: 0...UInt32.max)
  private var number = 0

  init(node: String, log: EventLog) {
    self.node = node
    self.log = log
  }

  /// Appends a few events of one of two agents, some of which open an incident or belong to one.
  mutating func say() async throws {
    var events: [Telos_Fleet_V1_Event] = []
    for _ in 0..<Int.random(in: 1...12) {
      number += 1
      let detail = "\(node) \(run) \(number)"
      let agent = Bool.random() ? "00000000000000a1" : "00000000000000b2"
      let kind = number % 5 == 0 ? "denied" : "exec"
      events.append(
        .with {
          $0.kind = kind
          $0.agent = agent
          $0.intent = "simulated"
          $0.detail = detail
          $0.count = 1
          $0.atUnixMs = Machine.unixMilliseconds
          if kind == "denied" {
            $0.gate = "network"
            $0.destination.address = "203.0.113.9"
          }
        })
    }
    try await log.append(events)
  }
}
