import ArgumentParser
import Operations
import TelosCore

@main
struct TelosNode: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "telos-node",
    abstract:
      "Enforces intents on the agents of one machine, and drops packets to and from the fleet's blocklist.",
    version: TelosVersion.current, subcommands: [Enrol.self, Run.self, Status.self])

  static func main() async { await runProgram() }
}
