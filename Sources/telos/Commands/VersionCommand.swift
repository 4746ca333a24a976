internal import ArgumentParser
internal import TelosCore

struct VersionCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "version", abstract: "Print the version of this program.")

  @OptionGroup var output: OutputOptions

  func run() throws {
    if output.json { return try JSONOutput.print(["version": TelosVersion.current]) }
    Terminal.line("telos \(TelosVersion.current)")
  }
}
