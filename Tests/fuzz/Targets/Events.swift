import CTelosABI
import FleetWire
import FoundationEssentials
import SwiftProtobuf
import TelosCore

@testable import Kernel
@testable import Node

/// The record that a ring's bytes stand for; the reader itself refuses what is shorter.
private func kernelRecord(_ bytes: [UInt8]) -> telos_event {
  var event = telos_event()
  withUnsafeMutableBytes(of: &event) { $0.copyBytes(from: bytes.prefix($0.count)) }
  return event
}

private func kernelSeed() -> [UInt8] {
  var event = telos_event()
  event.sequence = 9
  event.agent = 3
  event.inode.ino = 77
  event.port = 443
  event.family = 10
  event.protocol = 6
  event.kind = UInt8(TELOS_EVENT_DENIED.rawValue)
  event.gate = 2
  event.reason = 3
  event.hook = 5
  event.error = 1
  event.lineage.0.pid = 12
  withUnsafeMutableBytes(of: &event.path) { $0.copyBytes(from: Array("/etc/shadow".utf8)) }
  return withUnsafeBytes(of: event) { Array($0) }
}

private func record() throws -> [UInt8] {
  try Telos_Fleet_V1_Event.node("started", "telos-node 0.1.0").recordBytes()
}

let eventTargets = [
  Target(name: "kernel-event", seeds: { [kernelSeed()] }) { bytes in
    let event = KernelEvent(kernelRecord(bytes))
    let record = Telos_Fleet_V1_Event(event, launch: nil, linked: 0)
    guard let stored = try? record.recordBytes(),
      let again = try? Telos_Fleet_V1_Event(serializedBytes: stored)
    else { fatalError("promise broken: what the kernel says can be stored") }
    promise(again == record, "what the kernel says is stored as it is")
  },
  Target(name: "event-record", seeds: { [try record(), Array(kernelSeed().prefix(64))] }) { bytes in
    guard let event = try? Telos_Fleet_V1_Event(serializedBytes: bytes) else { return }
    guard let stored = try? event.recordBytes(),
      let again = try? Telos_Fleet_V1_Event(serializedBytes: stored)
    else { fatalError("promise broken: an event that was read can be stored") }
    promise(again == event, "an event is stored as it was read")
    promise((try? again.recordBytes()) == stored, "the chain's hash does not depend on who encodes")
  },
]
