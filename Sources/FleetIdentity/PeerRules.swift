internal import Crypto
internal import FoundationEssentials
internal import NIOCore
internal import NIOSSL
internal import SwiftASN1
internal import TelosCore
internal import X509

/// What a peer's certificate has to be: the same rules for handshakes and for calls.
///
/// `RFC5280Policy` looks neither at extended key usage nor, with a custom callback, at names: both are checked here.
struct PeerRules: Sendable {
  enum Authorities: Sendable {
    /// Read at each use, so that authorities can be rotated.
    case these(@Sendable () -> [Certificate])
    /// The one certificate, among those that the peer shows, whose DER digests to this.
    case digest(TelosCore.Digest)
  }

  var authorities: Authorities
  var usage: ExtendedKeyUsage.Usage
  var accepts: @Sendable (PeerIdentity) -> Bool
  var isBanned: @Sendable (Peer) -> Bool
  var now: @Sendable () -> Date

  /// Checks a leaf by itself: its use, identity, time and ban. Its issuer is not looked at.
  func judge(_ leaf: Certificate) throws(PeerRefusal) -> Peer {
    guard let usages = try? leaf.extensions.extendedKeyUsage, usages.contains(usage) else {
      throw PeerRefusal(reason: .wrongUse, detail: "the certificate is not for \(usage)")
    }
    let identity: PeerIdentity
    do throws(TelosError) {
      identity = try PeerIdentity(leaf)
    } catch {
      throw PeerRefusal(reason: .wrongIdentity, detail: error.message)
    }
    let peer = Peer(
      identity: identity, serial: leaf.serialNumber, notValidBefore: leaf.notValidBefore,
      notValidAfter: leaf.notValidAfter)
    guard accepts(identity) else {
      throw PeerRefusal(
        reason: .wrongIdentity, detail: "\(identity) is not the kind of peer expected here",
        peer: peer)
    }
    let now = now()
    guard now >= leaf.notValidBefore, now <= leaf.notValidAfter else {
      throw PeerRefusal(
        reason: .expired,
        detail: "the certificate of \(identity) is valid from \(leaf.notValidBefore.rfc3339)"
          + " to \(leaf.notValidAfter.rfc3339)",
        peer: peer)
    }
    guard !isBanned(peer) else {
      throw PeerRefusal(reason: .banned, detail: "\(identity) is banned", peer: peer)
    }
    return peer
  }

  /// Checks a leaf that a handshake verified at some time in the past, maybe on a session resumed since: everything that
  /// can have changed, also whether its issuer still is an authority.
  func judgeAgain(_ leaf: Certificate) throws(PeerRefusal) -> Peer {
    let peer = try judge(leaf)
    if case .these(let certificates) = authorities, !Self.issued(leaf, by: certificates()) {
      throw PeerRefusal(
        reason: .untrusted, detail: "the issuer of \(peer.identity) is no longer an authority",
        peer: peer)
    }
    return peer
  }

  /// Builds and checks the chain of a handshake, leaf first.
  func verify(_ presented: [NIOSSLCertificate]) async -> Result<
    [Certificate], PeerRefusal
  > {
    do {
      // Outside bytes: a fleet's chain is a leaf and an authority.
      guard presented.count <= 4 else {
        return .failure(PeerRefusal(reason: .untrusted, detail: "the chain is too long"))
      }
      let chain = try presented.map { try Certificate(derEncoded: $0.toDERBytes()) }
      guard let leaf = chain.first else {
        return .failure(PeerRefusal(reason: .noCertificate, detail: "the peer sent no certificate"))
      }
      let roots = try roots(presented, chain)
      // First, so that nobody is called by a name that an authority did not give.
      guard Self.issued(leaf, by: roots) else {
        return .failure(
          PeerRefusal(reason: .untrusted, detail: "it was not issued by an authority of the fleet"))
      }
      _ = try judge(leaf)
      var verifier = Verifier(rootCertificates: CertificateStore(roots)) {
        RFC5280Policy()
        LeafUsePolicy()
      }
      let result = await verifier.validate(
        leaf: leaf, intermediates: CertificateStore(chain.dropFirst()))
      switch result {
      case .validCertificate(let valid): return .success(Array(valid))
      case .couldNotValidate(let failures):
        let reasons = failures.map { "\($0.policyFailureReason)" }.joined(separator: ", ")
        return .failure(
          PeerRefusal(
            reason: .untrusted,
            detail: "no chain to an authority of the fleet"
              + (reasons.isEmpty ? "" : ": \(reasons)")
          ))
      }
    } catch let refusal as PeerRefusal {
      return .failure(refusal)
    } catch {
      return .failure(PeerRefusal(reason: .untrusted, detail: "the chain cannot be read"))
    }
  }

  /// Authorities issue leaves only, so the issuer of a leaf is one of them.
  private static func issued(_ leaf: Certificate, by authorities: [Certificate]) -> Bool {
    authorities.contains {
      $0.subject == leaf.issuer && $0.publicKey.isValidSignature(leaf.signature, for: leaf)
    }
  }

  private func roots(_ presented: [NIOSSLCertificate], _ chain: [Certificate]) throws
    -> [Certificate]
  {
    switch authorities {
    case .these(let certificates): return certificates()
    case .digest(let digest):
      let pinned = try zip(presented, chain).filter {
        TelosCore.Digest(of: try $0.0.toDERBytes()) == digest
      }
      guard let root = pinned.first?.1 else {
        throw PeerRefusal(
          reason: .untrusted, detail: "the peer sent no authority with the pinned digest")
      }
      return [root]
    }
  }
}

/// Says that the extended key usage, which ``PeerRules`` has looked at, may be marked critical.
private struct LeafUsePolicy: VerifierPolicy {
  let verifyingCriticalExtensions: [ASN1ObjectIdentifier] = [.X509ExtensionID.extendedKeyUsage]

  mutating func chainMeetsPolicyRequirements(chain: UnverifiedCertificateChain)
    -> PolicyEvaluationResult
  {
    .meetsPolicy
  }
}
