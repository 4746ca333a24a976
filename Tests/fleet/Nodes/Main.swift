import ArgumentParser
import FoundationEssentials
import Glibc
import Logging
import Node
import TelosCore
import Trust

/// Many nodes in one process: each is the daemon's own sync, event log, object keeper and database over real mutual TLS, in a
/// folder of its own. Only the kernel is missing.
@main
struct SimulatedNodes: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "telos-simulated-nodes",
    abstract: "Runs many nodes without kernels against real coordinators, for tests of scale.")

  @Option(help: "Where the nodes' folders are; those that are not enrolled yet are made.")
  var folder: String

  @Option(
    help:
      "A file with a join token on each line: the names of the nodes follow from their place in it."
  )
  var tokens: String

  @Option(help: "Take nodes from this place in the file on.")
  var first = 0

  @Option(help: "How many nodes.")
  var count: Int

  @Option(help: "A coordinator, HOST:PORT; repeatable. Absent: those of the token.")
  var coordinator: [String] = []

  @Option(help: "Seconds between two batches of events of a node; 0 for none.")
  var eventsEvery = 0.0

  @Flag(help: "Ask for everything, and read nothing of it.")
  var stalled = false

  static func main() async {
    signal(SIGPIPE, SIG_IGN)
    LoggingSystem.bootstrap { _ in SwiftLogNoOpLogHandler() }
    do {
      var command = try parseAsRoot()
      if var command = command as? any AsyncParsableCommand {
        try await command.run()
      } else {
        try command.run()
      }
    } catch {
      exit(withError: error)
    }
  }

  func run() async throws {
    let text = String(decoding: try DurableFile.read(tokens, limit: 64 << 20), as: UTF8.self)
    let lines = text.split(separator: "\n").map(String.init)
    let nodes = (first..<min(first + count, lines.count)).map { index in
      SimulatedNode(
        name: "sim\(index)", folder: "\(folder)/sim\(index)", token: lines[index],
        coordinators: coordinator)
    }
    try await Self.enrol(nodes)
    Self.say("enrolled \(nodes.count)")
    let pause = eventsEvery
    let stalled = stalled
    try await withThrowingTaskGroup(of: Void.self) { group in
      for node in nodes {
        group.addTask { stalled ? try await node.stall() : try await node.run(eventsEvery: pause) }
      }
      try await group.waitForAll()
    }
  }

  /// A few at a time: one after the other takes long, and all at once is another test.
  private static func enrol(_ nodes: [SimulatedNode]) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      for (index, node) in nodes.enumerated() {
        if index >= 8 { try await group.next() }
        group.addTask { try await node.enrol() }
      }
      try await group.waitForAll()
    }
  }

  private static func say(_ text: String) {
    let bytes = Array("\(text)\n".utf8)
    _ = write(STDOUT_FILENO, bytes, bytes.count)
  }
}
