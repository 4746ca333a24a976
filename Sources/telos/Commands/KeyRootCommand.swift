internal import ArgumentParser
internal import FoundationEssentials
internal import Glibc
internal import TelosCore
internal import Trust

struct KeyRootCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "root",
    abstract: "Make and sign a root: the keys of every role and the fleet's authorities.",
    discussion: """
      The first root: without --root-key a key pair is made beside --out (root.json: root.key, root.pub). \
      Keep root.key off the network; the next root needs it.

      A later root: --previous names the one in force, whose --root-key has to sign as well. Root keys that \
      the previous root does not list, and every --root-pub, replace the old ones; without any, the old \
      ones stay. With a threshold, the other holders add theirs with `telos key sign`.
      """)

  @Option(help: "online.json of `telos-coordinator init`, of each coordinator. Can be repeated.")
  var online: [String]

  @Option(help: "Public key (NAME.pub) that may sign intents. Can be repeated.")
  var intentKey: [String]

  @Option(help: "Public key that may sign never-block sets. Default: the keys for intents.")
  var neverBlockKey: [String] = []

  @Option(help: "Private key (NAME.key) of the root. Can be repeated. Default: a new one is made.")
  var rootKey: [String] = []

  @Option(help: "Public key of another holder of the root, who signs later. Can be repeated.")
  var rootPub: [String] = []

  @Option(help: "How many root keys must sign a root.")
  var threshold = 1

  @Option(help: "How many keys must sign an intent.")
  var intentThreshold = 1

  @Option(help: "The root that this one replaces.")
  var previous: String?

  @Option(
    help: """
      A role that begins to count its versions anew, in the next era: intent, never-block, ipset, manifest or contain. \
      Can be repeated. For a role whose key was stolen: whatever the thief has signed is older than what follows, and \
      what was signed before has to be signed again, with --era.
      """)
  var newEra: [EraRoleArgument] = []

  @Option(help: "How long the root is valid: 365d, 12h.", transform: TTL.read)
  var expires = TTL(seconds: 365 * 86400)

  @Option(help: "Output file.")
  var out: String

  func validate() throws {
    guard threshold > 0, intentThreshold > 0 else {
      throw ValidationError("a threshold is at least 1")
    }
    guard !intentKey.isEmpty else { throw ValidationError("name at least one --intent-key") }
    guard !online.isEmpty else { throw ValidationError("name at least one --online") }
    guard newEra.isEmpty || previous != nil else {
      throw ValidationError("--new-era follows the era of the root that --previous names")
    }
    guard previous == nil || !rootKey.isEmpty else {
      throw ValidationError("a root that replaces another needs the --root-key of that one")
    }
  }

  func run() throws {
    let (onlineKeys, authorities) = try OnlineKeys.together(online)
    let before = try previous.map { path throws(TelosError) in try Self.root(path) }
    let holders = try holders()
    // Keys given only to sign under the previous root do not enter the new one, unless it names no others.
    let old = Set(before?.statement.roles[.root]?.keys ?? [])
    let fresh = holders.map(\.publicKey).filter { !old.contains($0.id) }
    let kept = fresh.isEmpty && rootPub.isEmpty ? holders.map(\.publicKey) : fresh
    var roles: [Role: (keys: [PublicKey], threshold: Int)] = [:]
    roles[.root] = (kept + (try Self.publicKeys(rootPub)), threshold)
    let intentKeys = try Self.publicKeys(intentKey)
    roles[.intent] = (intentKeys, intentThreshold)
    roles[.neverBlock] =
      neverBlockKey.isEmpty ? (intentKeys, 1) : (try Self.publicKeys(neverBlockKey), 1)
    for (role, keys) in onlineKeys { roles[role] = (keys, 1) }
    var statement = RootStatement(
      version: (before?.version ?? 0) + 1, expires: Date().after(expires), roles: roles,
      authorities: authorities)
    for role in Role.allCases {
      let era = before?.statement.era(role) ?? 0
      statement.roles[role]?.era = newEra.contains(where: { $0.role == role }) ? era + 1 : era
    }
    let envelope = try statement.signed(by: holders)
    try EnvelopeFile.write(envelope, to: out)
    StandardError.line("wrote root version \(statement.version) to \(out)")
    StandardError.line("sha256 \(envelope.digest)")
    if let advice = Self.advice(envelope, before) { StandardError.line("  → \(advice)") }
  }

  /// The private keys that sign here; a new one where none was given.
  private func holders() throws(TelosError) -> [SigningKey] {
    guard rootKey.isEmpty else {
      var keys: [SigningKey] = []
      for path in rootKey { keys.append(try SigningKey(contentsOf: path)) }
      return keys
    }
    let stem = out.hasSuffix(".json") ? String(out.dropLast(5)) : out == "-" ? "root" : out
    if access("\(stem).key", F_OK) == 0 {
      throw TelosError(
        .conflict, "\(stem).key exists already",
        hint: "name it with --root-key \(stem).key, or move it away for a new one")
    }
    let key = SigningKey()
    try key.write(to: stem)
    StandardError.line("made the root's key \(stem).key: keep it off the network")
    return [key]
  }

  private static func publicKeys(_ paths: [String]) throws(TelosError) -> [PublicKey] {
    var keys: [PublicKey] = []
    for path in paths { keys.append(try PublicKey(contentsOf: path)) }
    return keys
  }

  private static func root(_ path: String) throws(TelosError) -> TrustedRoot {
    let envelope = try EnvelopeFile.read(path, role: .root)
    do throws(Refusal) {
      return try TrustedRoot.restored(envelope: envelope)
    } catch {
      throw error.telosError
    }
  }

  /// What is missing before it can be applied.
  private static func advice(_ envelope: Envelope, _ before: TrustedRoot?) -> String? {
    do throws(Refusal) {
      if let before {
        _ = try before.updated(with: envelope, now: Date())
      } else {
        _ = try TrustedRoot.pinned(envelope: envelope, digest: envelope.digest, now: Date())
      }
      return nil
    } catch {
      return error.code == .missingThreshold
        ? "more holders must sign before it can be applied: telos key sign"
        : "it cannot be applied as it is: \(error.message)"
    }
  }
}
