internal import ArgumentParser

/// The root of the command line.
struct Telos: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "telos",
    abstract: "Signed intents for AI agents, enforced by the kernel of every node.",
    discussion: """
      On a node:      telos run --intent NAME -- CMD   start an agent under an intent
      As an operator: telos login, then telos status   reach the coordinator
      Every listing takes -o json. Exit status: 0 done, 1 refused or failed, 64 bad input, \
      69 not reachable, 75 timed out, 77 not allowed; `telos run` ends with the status of CMD, 126 if \
      the node refused it, 127 if there is no such command.
      """,
    groupedSubcommands: [
      CommandGroup(
        name: "Agent",
        subcommands: [RunCommand.self, OCIHookCommand.self, SelfCommand.self, ProbeCommand.self]),
      CommandGroup(
        name: "Intent", subcommands: [IntentCommand.self]),
      CommandGroup(
        name: "Address and name",
        subcommands: [BlocklistCommand.self, NeverBlockCommand.self, DNSCommand.self]),
      CommandGroup(
        name: "Fleet",
        subcommands: [
          StatusCommand.self, NodeCommand.self, IncidentCommand.self, EventsCommand.self,
          AuditCommand.self,
        ]),
      CommandGroup(
        name: "Set-up",
        subcommands: [
          LoginCommand.self, AccessCommand.self, KeyCommand.self, VersionCommand.self,
        ]),
    ])

  /// The command that the words stand for. `--version` is understood alone, so that commands have it for theirs.
  static func parse(_ words: some Collection<String>) throws -> any ParsableCommand {
    try parseAsRoot(Array(words) == ["--version"] ? ["version"] : Array(words))
  }
}
