internal import FoundationEssentials
internal import Hummingbird
internal import Operations
internal import TelosAPI
internal import TelosCore

/// Who changed what.
extension API {
  func addAudit(to routes: RoleRoutes) {
    routes.get(CoordinatorRoute.audit, requires: .viewer) { request, _ in
      let limit = try request.number("limit", in: 1...10_000, default: 1000)
      let before = try request.number("after", in: 0...Int.max, default: .max)
      let entries = try await store.read {
        try $0.auditLog(before: Int64(before), limit: limit)
      }
      return try Answer.json(
        AuditPage(
          entries: entries.map { AuditRecord($0) },
          next: entries.count == limit ? entries.last?.number.map(String.init) : nil))
    }
  }
}

extension AuditRecord {
  fileprivate init(_ entry: AuditEntry) {
    self.init(
      number: entry.number ?? 0, at: (entry.at ?? .distantPast).rfc3339Milliseconds,
      actor: entry.actor, action: entry.action, subject: entry.subject, detail: entry.detail)
  }
}
