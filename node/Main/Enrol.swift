import ArgumentParser
import FoundationEssentials
import Node
import TelosCore
import Trust

struct Enrol: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Joins the fleet with a token from `telos node token`.",
    discussion: """
      If it fails after the coordinator answered, because the disk is full, say, run it again with the same token. A node that \
      is enrolled, and that the coordinator does not let in any more, gets a new certificate with --again and a token \
      that was made for its name (telos node token --name NAME).
      """)

  @OptionGroup var daemon: DaemonOptions

  @Option(help: "The node's name: 1 to 63 of a-z 0-9 . _ -")
  var name: String

  @Flag(
    help: "Enrol this node once more; what it holds and its event log stay. Stop the daemon first.")
  var again = false

  @Option(
    name: [.customLong("label"), .customLong("labels")],
    help: "A label as key=value. Can be repeated.")
  var labels: [String] = []

  @Option(
    help: "File with the token, or - for standard input, which keeps it out of the process list.")
  var tokenFile: String?

  @Argument(help: "The token.")
  var token: String?

  func run() async throws {
    let configuration = try daemon.configuration()
    let labels = configuration.labels.merging(try parseLabels(labels)) { $1 }
    let token = try JoinToken(text: try text())
    let identity = try await Enrolment(token: token, name: name, labels: labels, again: again)
      .run(into: try DataFolder(daemon.data))
    try StandardOutput.write(
      "enrolled as \(identity.name), coordinators \(identity.coordinators.joined(separator: ", "))\n"
    )
  }

  private func text() throws -> String {
    switch (token, tokenFile) {
    case (let token?, nil): return token
    case (nil, "-"): return readLine() ?? ""
    case (nil, let path?):
      return String(decoding: try DurableFile.read(path, limit: 1 << 16), as: UTF8.self)
    default: throw TelosError(.invalidArgument, "give the token, or --token-file FILE")
    }
  }
}
