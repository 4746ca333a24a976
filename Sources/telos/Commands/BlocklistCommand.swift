internal import AddressSets
internal import ArgumentParser
internal import Glibc
internal import TelosAPI
internal import TelosCore

struct BlocklistCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "blocklist",
    abstract: "The addresses that Hyperion drops on every node.",
    subcommands: [
      Add.self, Remove.self, Import.self, Export.self, List.self, Explain.self,
    ])

  struct Add: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Add addresses and blocks: all of them, or none if one is invalid.")

    @Argument(help: "203.0.113.9, 198.51.100.0/24, 2001:db8::/32.")
    var entries: [String]

    @OptionGroup var list: ListOptions
    @OptionGroup var entry: EntryOptions
    @OptionGroup var width: WidthOptions
    @OptionGroup var wait: WaitOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
      let checked = try BlocklistCommand.check(entries)
      try width.check(checked, from: "the command line")
      var change = BlocklistRequest(
        add: checked.map(\.description), allowWide: width.allowWide)
      list.write(to: &change)
      entry.write(to: &change)
      try await BlocklistCommand.apply(change, wait: wait, output: output)
    }
  }

  struct Remove: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Remove addresses and blocks, written as they were added.")

    @Argument(help: "203.0.113.9, 198.51.100.0/24, 2001:db8::/32.")
    var entries: [String]

    @OptionGroup var list: ListOptions
    @OptionGroup var wait: WaitOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
      let checked = try BlocklistCommand.check(entries)
      var change = BlocklistRequest(remove: checked.map(\.description))
      list.write(to: &change)
      try await BlocklistCommand.apply(change, wait: wait, output: output)
    }
  }

  struct Import: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Add every address in a file; an invalid line refuses the whole file.",
      discussion: """
        One address or block a line; # and ; begin comments, so that FireHOL's .netset and Spamhaus' DROP can be \
        imported as they are. Any other line refuses the file; the error gives its number and what to write.
        """)

    @Argument(help: "The file; - for standard input.")
    var file: String

    @Flag(help: "Make the set exactly what the file says: every other entry of it is removed.")
    var replace = false

    @Flag(help: "Accept a file without a single entry; with --replace this clears the set.")
    var allowEmpty = false

    @OptionGroup var list: ListOptions
    @OptionGroup var entry: EntryOptions
    @OptionGroup var width: WidthOptions
    @OptionGroup var wait: WaitOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
      let set = try BlocklistCommand.read(file, allowEmpty: allowEmpty)
      try width.check(set.entries, from: InputFile.title(file))
      let entries = set.entries.map(\.description)
      var change = replace ? BlocklistRequest(replace: entries) : BlocklistRequest(add: entries)
      change.allowWide = width.allowWide
      change.allowEmpty = allowEmpty
      list.write(to: &change)
      entry.write(to: &change)
      try await BlocklistCommand.apply(change, wait: wait, output: output)
    }
  }

  struct Export: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Print the blocklist in the format that import reads, one entry per line.")

    @Option(help: "One set alone; without it, each entry of any set once.")
    var set: String?

    func run() async throws {
      try await Coordinator.with { coordinator in
        var after: String?
        var last: String?
        repeat {
          let page = try await BlocklistPage.get(coordinator, limit: 50_000, after: after)
          for entry in page.entries where set == nil || entry.set == set {
            if entry.entry != last { Terminal.line(entry.entry.printable) }
            last = entry.entry
          }
          after = page.next
        } while after != nil
      }
    }
  }

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract:
        "Show the version and the first entries of the blocklist, each with its set, its end and its reason."
    )

    @Option(help: "Maximum number of entries.")
    var limit = 100

    @OptionGroup var output: OutputOptions

    func validate() throws {
      guard (1...50_000).contains(limit) else {
        throw ValidationError("--limit takes a number from 1 to 50000")
      }
    }

    func run() async throws {
      try await Coordinator.with { coordinator in
        let target = BlocklistPage.target(limit: limit, after: nil)
        let bytes = try await coordinator.get(target)
        if output.json { return try JSONOutput.print(try JSONDocument(parsing: bytes)) }
        let page = try JSONInput.decode(BlocklistPage.self, from: bytes, what: "the blocklist")
        guard let object = page.object, page.total > 0 else {
          return Terminal.line("the blocklist is empty")
        }
        Terminal.line("version \(object.version), \(page.total) entries, sha256 \(object.digest)")
        page.entries.table.print(empty: "no entries")
        let more = page.total - page.entries.count
        if more > 0 { Terminal.line("… and \(more) more: telos blocklist export") }
      }
    }
  }

  struct Explain: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Show which entries block an address, the one that counts first.")

    @Argument(help: "203.0.113.9 or 2001:db8::1.")
    var address: String

    @OptionGroup var output: OutputOptions

    func run() async throws {
      let address = try IPAddress(address)
      try await Coordinator.with { coordinator in
        let bytes = try await coordinator.get(
          CoordinatorRoute.blocklist.path(query: ["address": "\(address)"]))
        if output.json { return try JSONOutput.print(try JSONDocument(parsing: bytes)) }
        let page = try JSONInput.decode(BlocklistPage.self, from: bytes, what: "the blocklist")
        page.entries.table.print(empty: "no entry of the blocklist has \(address)")
      }
    }
  }

  /// Checks the entries here, so that a typing mistake needs no coordinator. Canonical text.
  static func check(_ entries: [String]) throws(TelosError) -> [IPPrefix] {
    var checked: [IPPrefix] = []
    for entry in entries { checked.append(try IPPrefix(entry)) }
    return checked
  }

  /// A list that holds nothing is most often a download that failed.
  static func read(_ file: String, allowEmpty: Bool) throws(TelosError) -> AddressSet {
    let bytes = try InputFile.read(file, limit: BlocklistText.maximumBytes)
    let set = try BlocklistText.parse(bytes, file: InputFile.title(file))
    guard allowEmpty || !set.isEmpty else {
      throw TelosError(
        .invalidArgument, "\(InputFile.title(file)) holds no address and no block",
        hint: "if an empty list is meant, give --allow-empty")
    }
    return set
  }

  static func apply(_ change: BlocklistRequest, wait: WaitOptions, output: OutputOptions)
    async throws
  {
    try await Coordinator.with { coordinator in
      let bytes = try await coordinator.post(CoordinatorRoute.blocklist.path(), json: change)
      let published = try JSONInput.decode(BlocklistAnswer.self, from: bytes, what: "the answer")
      if output.json {
        try JSONOutput.print(try JSONDocument(parsing: bytes))
      } else {
        for line in describe(published) { Terminal.line(line) }
      }
      try await wait.run(for: published.object, coordinator)
    }
  }

  static func describe(_ published: BlocklistAnswer) -> [String] {
    var lines = [
      "blocklist version \(published.object.version): \(published.added) added, "
        + "\(published.removed) removed, \(published.unchanged) unchanged"
        + (published.updated > 0 ? ", \(published.updated) updated" : "")
    ]
    if !published.neverBlocked.isEmpty {
      lines.append("not blocked, because they are on the never-block list:")
      lines += published.neverBlocked.map { "  \($0.printable)" }
    }
    if !published.stillListed.isEmpty {
      lines.append("still blocked, because another list has them:")
      lines += published.stillListed.map { entry in
        let scope = entry.scope.map { " --scope \($0.printable)" } ?? ""
        return "  \(entry.entry.printable): --set \(entry.set.printable)\(scope)"
      }
    }
    return lines
  }
}

extension [BlocklistEntry] {
  fileprivate var table: Table {
    var table = Table("ENTRY", "SET", "FOR", "ENDS", "PRIORITY", "BY", "REASON")
    for entry in self {
      table.add(
        entry.entry, entry.set, entry.scope ?? "all nodes", entry.expires ?? "never",
        "\(entry.priority)", entry.origin.isEmpty ? "-" : entry.origin, entry.reason ?? "-")
    }
    return table
  }
}

extension BlocklistPage {
  static func target(limit: Int, after: String?) -> String {
    CoordinatorRoute.blocklist.path(query: ["limit": "\(limit)", "after": after])
  }

  static func get(_ coordinator: Coordinator, limit: Int, after: String?) async throws(TelosError)
    -> BlocklistPage
  {
    try await coordinator.get(BlocklistPage.self, target(limit: limit, after: after))
  }
}
