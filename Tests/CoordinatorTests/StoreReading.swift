import Foundation
import TelosCore

@testable import Coordinator

/// One operation, one transaction: what tests ask of a store.
extension Store {
  func events(after cursor: Int64, limit: Int) async throws -> [StoredEvent] {
    try await read { try $0.events(after: cursor, limit: limit) }
  }

  func incidents(state: Incident.State? = nil) async throws -> [Incident] {
    try await read { try $0.incidents(state: state).page }
  }

  func chain(of incident: Incident) async throws -> [StoredEvent] {
    try await read { try IncidentChain.read(incident, $0) }
  }

  /// The newest sequence that is stored of a node's log.
  func acknowledged(node: String, epoch: UInt64) async throws -> UInt64? {
    try await read { try $0.logHeads(of: node).first { $0.epoch == epoch }?.sequence }
  }

  func nodes() async throws -> [NodeRecord] { try await read { try $0.nodes() } }

  func receipts(of object: ObjectVersion) async throws -> [Receipt] {
    try await read { try $0.receipts(of: object) }
  }

  func auditLog(limit: Int) async throws -> [AuditEntry] {
    try await read { try $0.auditLog(limit: limit) }
  }

  func addToken(
    hash: Digest, name: String, role: AccessRole, expires: Date?, at now: Date
  ) async throws {
    try await transaction(at: now) {
      try $0.addToken(hash: hash, name: name, role: role, expires: expires, by: "test")
    }
  }

  func enrol(
    node: String, labels: Labels, token: JoinToken, certificate: IssuedCertificate, at now: Date
  ) async throws {
    try await transaction(at: now) {
      try EnrolmentRules.enrol(
        node: node, labels: labels, token: token, certificate: certificate, $0)
    }
  }

  func save(_ receipt: Receipt, at now: Date) async throws {
    try await transaction(at: now) { try $0.put(receipt) }
  }
}
