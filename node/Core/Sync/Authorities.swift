internal import FleetIdentity
internal import Synchronization
internal import TelosCore
internal import X509

/// Why handshakes with a coordinator failed, for the message.
final class Refusals: Sendable {
  private let list = Mutex<[PeerRefusal]>([])
  func add(_ refusal: PeerRefusal) { list.withLock { $0.append(refusal) } }
  var first: PeerRefusal? { list.withLock { $0.first } }
}

/// The certificates that a coordinator's may hang from: those of the newest root, or, where it names none, of enrolment.
final class Authorities: Sendable {
  private let certificates: Mutex<[Certificate]>

  init(_ certificates: [Certificate]) { self.certificates = Mutex(certificates) }

  /// Takes those of the file of enrolment.
  func read(_ path: String) throws(TelosError) {
    try follow([String(decoding: try DurableFile.read(path, limit: 1 << 20), as: UTF8.self)])
  }

  var current: [Certificate] { certificates.withLock { $0 } }

  /// A root lists all authorities; one that lists none leaves those of enrolment.
  func follow(_ pem: [String]) throws(TelosError) {
    let next = try Certificate.fleet(pem: pem)
    if !next.isEmpty { certificates.withLock { $0 = next } }
  }
}
