internal import ArgumentParser
internal import TelosCore

struct RunCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run",
    abstract: "Start a command as an agent under an intent.",
    usage: "telos run --intent NAME [--ttl T] [--verbose] -- CMD [ARG ...]",
    discussion: """
      CMD runs as you, in this folder and with this environment (TMPDIR may become a private one), in \
      place of telos: its exit status is yours. Descriptors other than 0, 1 and 2 are closed. The agent \
      and all that it starts may do what the intent says and nothing else, until the intent's TTL ends.

      Of CMD the node is told where the program lies and in which folder it starts; of the environment \
      nothing.

      126: the node, the kernel or the intent refused, and why is on standard error; with \
      `stdio: deny` the status alone says so. 127: no such command.
      """)

  @Option(help: "The intent to start under; `telos intent list` has the names.")
  var intent: String

  @Option(help: "End earlier than the intent's own TTL: 90s, 15m, 1h30m, 7d.", transform: TTL.read)
  var ttl: TTL?

  @Flag(
    name: .shortAndLong,
    help:
      "Print what this node left out of the intent, such as optional programs that are not installed."
  )
  var verbose = false

  @Argument(parsing: .postTerminator, help: "The command and its arguments, after --.")
  var command: [String] = []

  func validate() throws {
    guard !command.isEmpty else {
      throw ValidationError("put the command after --: telos run --intent \(intent) -- CMD")
    }
  }

  func run() throws {
    // Not what was parsed: that is text, and the first word alone.
    try Launcher(
      intent: intent, ttl: ttl?.seconds, command: CommandWords.ofProcess() ?? CommandWords(command),
      verbose: verbose
    ).run()
  }
}
