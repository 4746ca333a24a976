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
    let path = try socket ?? daemon.configuration().socket
    try StandardOutput.write(try ControlQuery.get("/v1/status", socket: path) + "\n")
  }
}
