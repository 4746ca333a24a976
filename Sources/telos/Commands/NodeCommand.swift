internal import ArgumentParser
internal import FoundationEssentials
internal import TelosAPI
internal import TelosCore
internal import Trust

struct NodeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "node", abstract: "The machines of the fleet.",
    subcommands: [List.self, Token.self, Ban.self])

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "List the nodes with their state.")

    @OptionGroup var output: OutputOptions

    func run() async throws {
      try await Coordinator.with { coordinator in
        let all = JSONDocument.array(
          try await coordinator.all("nodes") { CoordinatorRoute.nodes.path(query: ["after": $0]) })
        if output.json { return try JSONOutput.print(all) }
        let nodes = try all.decoded([FleetNode].self, what: "the list of nodes")
        var table = Table(
          "NAME", "CONNECTED", "MODE", "READY", "XDP", "KERNEL~", "LAST SEEN", "LABELS~")
        for node in nodes {
          let labels = node.labels.sorted { $0.key < $1.key }.map {
            "\($0.key)=\($0.value)"
          }
          table.add(
            node.name, node.banned ? "banned" : node.connected.words, node.mode,
            node.ready.words, node.xdp, node.kernel, node.lastSeen ?? "never",
            labels.joined(separator: ","))
        }
        table.print(
          empty: "no nodes yet: `telos node token` prints the token that a node enrols with")
      }
    }
  }

  struct Token: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Print a one-time token that a node enrols with.",
      discussion: """
        The token pins the coordinator's authority and your root. It is a secret until it is used: hand it \
        over on standard input or in a file (telos-node enrol --token-file). It makes a new node, unless --name \
        says which one it is for: that node is replaced if it is there (telos-node enrol --again).
        """)

    @Option(help: "The node that the token is for; without it, a node that is new.")
    var name: String?

    @Option(
      name: [.customLong("labels"), .customLong("label")],
      help: "The labels that the node may take: role=agents,site=fra. Can be repeated.")
    var labels: [String] = []

    @Option(help: "How long the token may be used: 1h, 30m.", transform: TTL.read)
    var ttl = TTL(seconds: 3600)

    @Option(help: "Your root, when it is not root.json in the configuration folder.")
    var root: String?

    @OptionGroup var output: OutputOptions

    func run() async throws {
      let labels = try LabelArguments.parse(labels)
      let digest = try Self.rootDigest(root)
      let request = TokenRequest(
        name: name, labels: labels, ttlSeconds: Int(clamping: ttl.seconds))
      try await Coordinator.with { coordinator in
        if let name {
          let nodes = try await coordinator.get([FleetNode].self, CoordinatorRoute.nodes.path())
          if nodes.contains(where: { $0.name == name }) {
            StandardError.line(
              "telos: there is a node \(name.printable); whoever enrols with this token replaces it"
            )
          }
        }
        let bytes = try await coordinator.post(CoordinatorRoute.tokens.path(), json: request)
        let token = try JoinToken(json: Data(bytes)).pinning(root: digest)
        if output.json { return try JSONOutput.print(try JSONDocument(parsing: Array(token.json))) }
        Terminal.line(token.text)
      }
    }

    /// The digest of the operator's own copy: what a thief of the coordinator cannot change.
    static func rootDigest(_ file: String?) throws(TelosError) -> Digest {
      let path = if let file { file } else { try ConfigurationFolder.standard().rootFile }
      do throws(TelosError) {
        return try EnvelopeFile.read(path, role: .root).digest
      } catch {
        guard error.code == .notFound else { throw error }
        throw TelosError(
          .notFound, "there is no root at \(path), and a node has to pin your root",
          hint: "telos key apply keeps a copy there; --root names another file")
      }
    }
  }

  struct Ban: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "End a node's streams and refuse its certificates from now on.",
      discussion: "What the node already holds stays in force there.")

    @Argument(help: "Its name, from `telos node list`.")
    var name: String

    func run() async throws {
      try await Coordinator.with { coordinator in
        _ = try await coordinator.post(CoordinatorRoute.ban.path(name), Array("{}".utf8))
        Terminal.line("\(name.printable) is banned")
      }
    }
  }
}

extension Bool {
  fileprivate var words: String { self ? "yes" : "no" }
}

/// `key=value`, several with commas between.
enum LabelArguments {
  static func parse(_ arguments: [String]) throws(TelosError) -> [String: String] {
    var labels: [String: String] = [:]
    for pair in arguments.flatMap({ $0.split(separator: ",") }) {
      let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard parts.count == 2, !parts[0].isEmpty, !parts[1].isEmpty else {
        throw TelosError(
          .invalidArgument, "“\(pair)” is not a label", hint: "write labels as role=agents")
      }
      let key = String(parts[0])
      guard labels.updateValue(String(parts[1]), forKey: key) == nil else {
        throw TelosError(.invalidArgument, "the label \(key) is given twice")
      }
    }
    return labels
  }
}
