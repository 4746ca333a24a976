internal import ArgumentParser
internal import Coordinator
internal import TelosCore

struct StoreCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "store", abstract: "Moves, backs up and restores the store.",
    discussion: """
      The store holds nodes, tokens, objects, receipts, events and incidents. Authority, keys and certificates are files of the \
      data folder and are not part of it: copy that folder as well.
      """,
    subcommands: [Migrate.self, BackUp.self, Restore.self])

  struct Migrate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Copies the store from SQLite to the PostgreSQL that the configuration names.",
      discussion: """
        Stop the coordinator, write the database into coordinator.yaml, run this, and start the coordinator again. Every row is \
        compared; if anything fails, the database stays empty. The SQLite file stays where it is.
        """)

    @OptionGroup var place: Place

    @Option(help: "The SQLite file (default: coordinator.sqlite in the data folder).")
    var from: String?

    func run() async throws {
      try StoreCommand.tell(await StoreOperations.migrate(try place.configuration(), from: from))
    }
  }

  struct BackUp: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "backup", abstract: "Copies the store into a new file; coordinators may run.")

    @OptionGroup var place: Place

    @Argument(help: "The file to make.")
    var file: String

    func run() async throws {
      try StoreCommand.tell(await StoreOperations.backUp(try place.configuration(), to: file))
    }
  }

  struct Restore: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Makes the configured store of a backup; there must be none yet.")

    @OptionGroup var place: Place

    @Argument(help: "A file that `store backup` made.")
    var file: String

    func run() async throws {
      try StoreCommand.tell(await StoreOperations.restore(try place.configuration(), from: file))
    }
  }

  private static func tell(_ counts: [StoreOperations.Count]) throws {
    let lines = counts.filter { $0.rows > 0 }.map { "\($0.table)  \($0.rows)\n" }
    let total = counts.reduce(0) { $0 + $1.rows }
    try StandardOutput.write(lines.joined() + "copied and compared \(total) rows\n")
  }
}
