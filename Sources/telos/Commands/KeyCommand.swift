internal import ArgumentParser
internal import FoundationEssentials
internal import TelosAPI
internal import TelosCore
internal import Trust

struct KeyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "key",
    abstract: "Keys of people, and the root that lists which keys are trusted.",
    discussion: """
      A root names the keys of every role. Whoever has its private key controls the fleet: keep it off the \
      network. The coordinator's own keys are in online.json; they can block and withhold, never grant.
      """,
    subcommands: [New.self, KeyRootCommand.self, Apply.self, Sign.self, KeyShowCommand.self])

  struct New: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Make a key pair: NAME.key, readable only by you (0600), and NAME.pub.")

    @Option(help: "Path and name, without .key or .pub.")
    var out: String

    func run() throws {
      let key = SigningKey()
      try key.write(to: out)
      Terminal.line("wrote \(out).key and \(out).pub")
      Terminal.line("key id \(key.publicKey.id)")
    }
  }

  struct Apply: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Upload a root to the coordinator, and keep a copy for `telos node token` to pin.")

    @Argument(help: "The signed root, from `telos key root`.")
    var file: String

    func run() async throws {
      let envelope = try EnvelopeFile.read(file, role: .root)
      do {
        _ = try TrustedRoot.pinned(envelope: envelope, digest: envelope.digest, now: Date())
      } catch {
        throw error.telosError
      }
      let bytes = try EnvelopeFile.bytes(file, role: .root)
      let answer = try await Coordinator.with {
        try await $0.put(CoordinatorRoute.root.path(), bytes)
      }
      let published = try JSONInput.decode(Published.self, from: answer, what: "the answer")
      guard published.object.digest == envelope.digest.description else {
        throw TelosError(
          .refused, "the coordinator confirmed a different root than the one that was sent",
          hint: "do not hand out join tokens for this coordinator until you know why")
      }
      let folder = try ConfigurationFolder.standard()
      try DurableFile.write(bytes, to: folder.rootFile, mode: 0o600)
      Terminal.line("root version \(published.object.version), sha256 \(envelope.digest)")
      Terminal.line("kept a copy as \(folder.rootFile)")
    }
  }

  struct Sign: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Add your signature to an object that others have signed.")

    @Argument(help: "The signed object; the file is updated.")
    var file: String

    @Option(help: "The private key, NAME.key of `telos key new`.")
    var key: String

    func run() throws {
      var envelope = try EnvelopeFile.read(file, role: nil)
      let key = try SigningKey(contentsOf: key)
      try envelope.sign(with: key)
      try EnvelopeFile.write(envelope, to: file)
      let count = envelope.signatures.count
      StandardError.line("\(file) has \(count) signature\(count == 1 ? "" : "s")")
    }
  }
}
