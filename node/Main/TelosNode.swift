import ArgumentParser
import Glibc
import TelosCore

@main
struct TelosNode: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "telos-node",
    abstract:
      "Enforces intents on the agents of one machine, and drops packets to and from the fleet's blocklist.",
    version: TelosVersion.current, subcommands: [Enrol.self, Run.self, Status.self])

  static func main() async {
    do {
      var command = try parseAsRoot()
      if var command = command as? any AsyncParsableCommand {
        try await command.run()
      } else {
        try command.run()
      }
      try StandardOutput.finish()
    } catch let error as TelosError {
      end(with: error)
    } catch  where Self.exitCode(for: error).isSuccess {
      // Help and the version are answers too.
      do throws(TelosError) {
        try StandardOutput.write(Self.fullMessage(for: error) + "\n")
        try StandardOutput.finish()
      } catch {
        end(with: error)
      }
    } catch {
      exit(withError: error)
    }
  }

  private static func end(with error: TelosError) -> Never {
    let hint = error.hint.map { "\n  \($0)" } ?? ""
    let text = "telos-node: \(error.message)\(hint)\n"
    _ = write(STDERR_FILENO, text, text.utf8.count)
    Glibc.exit(error.exitCode)
  }
}
