internal import FleetIdentity
internal import FoundationEssentials
internal import Synchronization
internal import TelosCore
internal import X509

/// The certificates that may make calls, in memory, because every handshake and every call asks.
///
/// A list of whom to let in, not of whom to keep out: a certificate of our own authority that this store never issued, or
/// that a lost store forgot, gets no call.
final class Admitted: Sendable {
  private struct State {
    /// Node by serial.
    var nodes: [String: String] = [:]
    /// Of the store when `nodes` was read.
    var revision: Int64 = -1
    /// A renewal that was under way when its node was banned must not let it in again.
    var banned: Set<String> = []
  }
  private let state = Mutex(State())

  /// Takes what the store says, unless it is older than what is known.
  func replace(with certificates: [String: String], revision: Int64) {
    state.withLock { state in
      guard revision >= state.revision else { return }
      state.nodes = certificates
      state.revision = revision
    }
  }

  /// Refuses a node at once, whatever is read later.
  func ban(_ node: String) {
    state.withLock { state in
      state.banned.insert(node)
      state.nodes = state.nodes.filter { $0.value != node }
    }
  }

  func contains(_ peer: Peer) -> Bool {
    guard case .node(let name) = peer.identity else { return false }
    return state.withLock { $0.nodes[peer.serial.hex] == name && !$0.banned.contains(name) }
  }
}

extension Certificate.SerialNumber {
  var hex: String { bytes.hex }
}

extension IssuedCertificate {
  init(_ certificate: Certificate) {
    self.init(
      serial: certificate.serialNumber.hex, expires: certificate.notValidAfter,
      key: Digest(of: Data(certificate.publicKey.subjectPublicKeyInfoBytes)))
  }
}
