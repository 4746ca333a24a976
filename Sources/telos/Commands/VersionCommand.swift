internal import ArgumentParser

struct VersionCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "version", abstract: "Print the version of this program.")

  @OptionGroup var output: OutputOptions

  func run() throws {
    if output.json { return try JSONOutput.print(["version": Telos.version]) }
    Terminal.line("telos \(Telos.version)")
  }
}
