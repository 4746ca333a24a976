internal import FleetWire
internal import FoundationEssentials
internal import TelosCore
internal import Trust

/// The root that a node begins with: the one that its token pins, or the last of those that followed it.
struct EnrolledRoot {
  let root: TrustedRoot

  /// - Parameters:
  ///   - pinned: the digest in the join token.
  ///   - path: of the root of an earlier enrolment, where there was one: the new root has to follow it.
  /// - Throws: `conflict` where the coordinator belongs to another fleet than the kept root.
  init(_ reply: Telos_Fleet_V1_EnrolReply, pinned: Digest?, kept path: String) throws(TelosError) {
    guard let pinned else {
      throw TelosError(
        .invalidArgument, "the join token pins no root",
        hint: "make it with `telos node token`, which adds the digest of your own root")
    }
    do throws(Refusal) {
      let first = try Envelope(wire: reply.rootEnvelope)
      guard first.digest == pinned else {
        throw Refusal(.wrongDigest, "the root is not the one that the join token pins")
      }
      var chain = [try TrustedRoot.restored(envelope: first)]
      for bytes in reply.newerRoots {
        chain.append(try chain[chain.count - 1].followed(by: try Envelope(wire: bytes)))
      }
      let newest = chain[chain.count - 1]
      try newest.checkNotExpired(Date())
      root = newest
      guard let kept = Self.kept(path) else { return }
      if chain.contains(where: { $0.digest == kept.digest }) { return }
      guard try kept.followed(by: newest.envelope).digest == newest.digest else {
        throw Refusal(.rollback, "root version \(newest.version) does not follow \(kept.version)")
      }
    } catch {
      guard Self.kept(path) != nil else { throw error.telosError }
      throw TelosError(
        .conflict, "the coordinator's root does not follow the one that this node trusts: \(error)",
        hint: "if it is meant to join another fleet, move its data folder away first")
    }
  }

  private static func kept(_ path: String) -> TrustedRoot? {
    TwinFile.candidates(path, limit: 1 << 20).compactMap { bytes in
      guard let envelope = try? Envelope(json: Data(bytes)) else { return nil }
      return try? TrustedRoot.restored(envelope: envelope)
    }.max { $0.version < $1.version }
  }
}
