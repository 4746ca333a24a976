internal import ArgumentParser
internal import TelosAPI
internal import TelosCore

struct AuditCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "audit",
    abstract: "Show who changed what in the fleet: intents, blocklist, nodes, access.")

  @Option(help: "Maximum number of changes, the newest first.")
  var limit = 100

  @OptionGroup var output: OutputOptions

  func validate() throws {
    guard (1...10_000).contains(limit) else {
      throw ValidationError("--limit takes a number from 1 to 10000")
    }
  }

  func run() async throws {
    try await Coordinator.with { coordinator in
      let bytes = try await coordinator.get(
        CoordinatorRoute.audit.path(query: ["limit": "\(limit)"]))
      if output.json { return try JSONOutput.print(try JSONDocument(parsing: bytes)) }
      let page = try JSONInput.decode(AuditPage.self, from: bytes, what: "the audit log")
      var table = Table("TIME", "WHO", "ACTION", "ON", "DETAIL~")
      for entry in page.entries {
        table.add(entry.at, entry.actor, entry.action, entry.subject, entry.detail)
      }
      table.print(empty: "nothing was changed yet")
      if page.next != nil { Terminal.line("… and more: give a larger --limit") }
    }
  }
}
