import Dispatch
import FleetCA
import FleetIdentity
import FleetWire
import Foundation
import SwiftProtobuf
import Synchronization
import TelosAPI
import TelosCore
import X509

@testable import Coordinator

private func batch() throws -> [UInt8] {
  try Telos_Fleet_V1_EventBatch.with {
    $0.epoch = 1
    $0.events = ["started", "slammed", "denied", "ended"].enumerated().map { index, kind in
      .with {
        $0.sequence = UInt64(index + 1)
        $0.atUnixMs = 1_800_000_000_000
        $0.kind = kind
        $0.agent = "0000000000000001"
        $0.intent = "read-logs"
        $0.intentDigest = Data(repeating: 7, count: 32)
        $0.file.path = "/srv/app/.env"
        $0.destination.address = "192.0.2.1"
        $0.lineage = [.with { $0.command = "cat" }]
        $0.count = 1
      }
    }
  }.serializedBytes()
}

/// A store in memory's file system, and a node of its own for every input; a new one before it grows slow.
private final class Bench: Sendable {
  private let state = Mutex<(store: Store?, folder: String, inputs: Int)>((nil, "", 0))

  func next() throws -> (store: Store, node: String) {
    try state.withLock { state in
      if state.inputs.isMultiple(of: 500) {
        try? state.store?.close()
        try? FileManager.default.removeItem(atPath: state.folder)
        state.folder = "/dev/shm/telos-fuzz-\(getpid())-\(state.inputs)"
        try FileManager.default.createDirectory(
          atPath: state.folder, withIntermediateDirectories: true)
        state.store = try Store.open("\(state.folder)/store", createIfMissing: true).0
      }
      state.inputs += 1
      guard let store = state.store else { throw TelosError(.internalError, "no store") }
      return (store, "n\(state.inputs)")
    }
  }
}

private let bench = Bench()

private func ingest(_ batch: Telos_Fleet_V1_EventBatch) async throws {
  let inRange =
    batch.epoch <= UInt64.maximumStored
    && batch.events.allSatisfy { (1...UInt64.maximumStored).contains($0.sequence) }
  let (store, node) = try bench.next()
  let first: Ingestion
  do {
    first = try await store.ingest(
      node: node, epoch: batch.epoch, events: batch.events, at: someday)
  } catch {
    return promise(!inRange, "a batch in range is stored: \(error)")
  }
  promise(inRange, "a batch out of range is refused")
  let again = try await store.ingest(
    node: node, epoch: batch.epoch, events: batch.events, at: someday)
  promise(again.stored == 0 && again.through == first.through, "a batch is stored once")
  let stored = try await store.read {
    try $0.events(after: 0, limit: 1000, EventFilter(node: node))
  }
  promise(stored.count { $0.epoch == batch.epoch } >= first.stored, "what is stored can be read")
  _ = try JSONEncoder().encode(stored.map { Event($0) })
  for incident in try await store.read({ try $0.incidents() }).page where incident.node == node {
    let chain = IncidentChain.select(from: stored, of: incident)
    _ = try JSONEncoder().encode(IncidentAnswer(incident, chain: chain))
  }
}

/// Issuing takes a while: one authority for all.
private let authority = try? CertificateAuthority(now: someday)

let coordinatorTargets = [
  Target(name: "event-batch", seeds: { [try batch()] }) { bytes in
    guard let batch = try? Telos_Fleet_V1_EventBatch(serializedBytes: bytes) else { return }
    let done = DispatchSemaphore(value: 0)
    Task {
      do { try await ingest(batch) } catch { fatalError("promise broken: \(error)") }
      done.signal()
    }
    done.wait()
  },
  Target(
    name: "certificate-request", seeds: { [try IdentityKey().signingRequest(name: "n1")] }
  ) { bytes in
    guard let leaf = try? authority?.issue(node: "n1", request: bytes, now: someday) else { return }
    promise((try? PeerIdentity(leaf)) == .node("n1"), "a certificate is for who asked")
  },
  Target(name: "coordinator-yaml", seeds: { [] }) { bytes in
    _ = try? Configuration(yaml: text(bytes), file: "coordinator.yaml")
  },
]
