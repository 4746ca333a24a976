public import FoundationEssentials
public import TelosCore

/// Whether a node takes an object whose signatures were verified: of the root's era, not older than what it holds, meant for it,
/// not expired, not to live longer than its role allows, and named by the manifest.
///
/// A never-block set that expired is taken all the same, as long as the manifest names it: no address set goes in force without
/// it, and what it protects has to stay protected until somebody signs the next one.
public struct Acceptance: Sendable {
  /// The newest root.
  public var root: RootStatement
  /// The newest version of each kind and name that this node ever accepted; persisted, and never lowered.
  public var held: [ObjectVersion]
  /// The node's own labels.
  public var labels: Labels
  /// The newest accepted manifest. Without one only roots and manifests are accepted.
  public var manifest: ManifestStatement?
  public var now: Date

  public init(
    root: RootStatement, held: [ObjectVersion], labels: Labels, manifest: ManifestStatement?,
    now: Date
  ) {
    self.root = root
    self.held = held
    self.labels = labels
    self.manifest = manifest
    self.now = now
  }

  /// Throws the first reason to refuse; the refusal names the object.
  public func check(_ header: StatementHeader, digest: Digest) throws(Refusal) {
    let object = header.object(digest)
    do throws(Refusal) {
      try checkScope(header)
      try root.checkEra(object)
      try checkVersion(object)
      try checkExpiry(header)
      try checkManifest(object)
    } catch {
      throw error.naming(object)
    }
  }

  private func checkScope(_ header: StatementHeader) throws(Refusal) {
    guard header.nodes.matches(labels) else {
      let wanted = header.nodes.labels.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
      throw Refusal(
        .wrongScope, "it is for nodes labelled \(wanted.joined(separator: ",")), this one is not")
    }
  }

  private func checkVersion(_ object: ObjectVersion) throws(Refusal) {
    for other in held where other.kind == object.kind && other.name == object.name {
      guard object.version >= other.version else {
        throw Refusal(
          .rollback,
          "version \(Era.text(object.version)) is older than version \(Era.text(other.version)) held here"
        )
      }
      guard object.version > other.version || object.digest == other.digest else {
        throw Refusal(
          .wrongDigest, "it differs from what is held here under the same version \(object.version)"
        )
      }
    }
  }

  private func checkExpiry(_ header: StatementHeader) throws(Refusal) {
    guard now < header.expires || header.kind == .neverBlock else {
      throw Refusal(.expired, "it expired at \(header.expires.rfc3339)")
    }
    guard let longest = Role(header.kind).longestLife else { return }
    guard header.expires <= now.addingTimeInterval(longest) else {
      throw Refusal(
        .lifetime,
        "it expires at \(header.expires.rfc3339), more than \(Int(longest / 86_400)) days from this machine's time, \(now.rfc3339)"
      )
    }
  }

  private func checkManifest(_ object: ObjectVersion) throws(Refusal) {
    // A root is above manifests, and a manifest does not name itself.
    guard object.kind != .root, object.kind != .manifest else { return }
    guard let manifest, let named = manifest[object.kind, object.name] else {
      throw Refusal(.notInManifest, "the manifest does not name it")
    }
    guard now < manifest.expires else {
      throw Refusal(.expired, "the manifest that names it expired at \(manifest.expires.rfc3339)")
    }
    guard named.version == object.version else {
      throw Refusal(
        .notInManifest, "the manifest names version \(named.version), not \(object.version)")
    }
    guard named.digest == object.digest else {
      throw Refusal(.wrongDigest, "its digest is not the one that the manifest names")
    }
  }
}

extension RootStatement {
  /// Throws `wrong-era` unless the version was counted in the era in which this root has the object's role. Roots count in none.
  public func checkEra(_ object: ObjectVersion) throws(Refusal) {
    guard object.kind != .root else { return }
    let era = era(Role(object.kind)), its = Era.of(object.version)
    guard its != era else { return }
    throw Refusal(
      .wrongEra,
      its < era
        ? "it is of era \(its), and the root has opened era \(era) for what its keys sign since"
        : "it is of era \(its), which the root has not opened: it is in era \(era)",
      object: object)
  }
}
