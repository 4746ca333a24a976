internal import FleetIdentity
internal import FoundationEssentials
internal import TelosCore
internal import Trust
internal import X509

/// What is published now: an immutable value that every stream reads.
struct Publication: Sendable {
  var root: TrustedRoot?
  /// 0 before the first manifest.
  var manifestVersion: UInt64 = 0
  var manifestExpires = Date.distantPast
  /// When the next entries of the blocklist reach their end.
  var blocklistEnds = Date.distantFuture
  /// In the order in which a node can take them: the root that verifies the manifest, the manifest that names the rest, what
  /// is never blocked before what is blocked.
  var objects: [StoredObject] = []
  /// What the root lists: whose certificates are the fleet's, of whichever coordinator they are.
  var authorities: [Certificate] = []

  static let order: [ObjectKind] = [.manifest, .neverBlock, .ipset, .intent]

  init() {}

  /// - Parameters:
  ///   - newest: the newest version of every object.
  ///   - roots: all roots, the oldest first. A node that missed some of them takes one after the other.
  init(newest: [StoredObject], roots: [StoredObject]) throws {
    guard let root = roots.last else { return }
    let trusted = try TrustedRoot.restored(envelope: root.decoded())
    self.root = trusted
    authorities = try Certificate.fleet(pem: trusted.statement.authorities)
    guard let manifest = newest.first(where: { $0.object.kind == .manifest }) else {
      objects = roots
      return
    }
    let statement = try ManifestStatement(payload: manifest.decoded().payload)
    manifestVersion = statement.version
    manifestExpires = statement.expires
    let named = Set(statement.objects)
    objects =
      roots
      + Self.order.flatMap { kind in
        newest.filter {
          $0.object.kind == kind && (kind == .manifest || named.contains($0.object))
        }
      }
  }
}
