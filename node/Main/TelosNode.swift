import ArgumentParser
import TelosCore

@main
struct TelosNode: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "telos-node",
    abstract: "Keeps one machine's agents to their intents, and its packets to the fleet's set.",
    version: TelosVersion.current, subcommands: [Enrol.self, Run.self, Status.self])
}
