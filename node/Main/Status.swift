import ArgumentParser
import FoundationEssentials
import Glibc
import Node
import TelosCore

struct Status: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Prints the daemon's state as JSON; `telos status` shows the same for people.")

  @OptionGroup var daemon: DaemonOptions

  @Option(help: "The control socket.")
  var socket: String?

  func run() async throws {
    try await reporting {
      let path = try socket ?? daemon.configuration().socket
      FileHandle.standardOutput(try ControlQuery.get("/v1/status", socket: path) + "\n")
    }
  }
}
