import Foundation
import Glibc
import Synchronization
import TelosCore
import Testing

@testable import Coordinator

/// A connection that breaks in the commit: nobody was told whether it went through.
@Suite struct CommitLossTests {
  @Test(arguments: [CuttingProxy.Cut.before, .after])
  func aChangeHappensOnceWheneverTheConnectionBreaks(_ cut: CuttingProxy.Cut) async throws {
    let server = try await PostgreSQLServer.shared.value
    let place = try server.place()
    let scratch = try Scratch()
    let proxy = try CuttingProxy(at: scratch.path, to: server.folder)
    let behind = try PostgreSQLAddress(
      place.connection.replacing("host=\(server.folder)", with: "host=\(scratch.path)"))
    let (store, _) = try await Store.open(behind, createIfMissing: true)
    final class Runs: Sendable { let count = Atomic(0) }
    for round in 1...3 {
      let runs = Runs()
      proxy.cut(cut)
      let answer = try await store.transaction { store in
        runs.count.add(1, ordering: .relaxed)
        try store.audit(AuditEntry(actor: "\(round)", action: "a", subject: "s"))
        return round
      }
      #expect(answer == round)
      #expect(proxy.hasCut)
      #expect(runs.count.load(ordering: .relaxed) == (cut == .after ? 1 : 2))
    }
    #expect(try await store.auditLog(limit: 10).map(\.actor) == ["3", "2", "1"])
    try store.close()
  }
}

/// Passes bytes between a socket of its own and PostgreSQL's, until it is told to break at the next commit.
final class CuttingProxy: Sendable {
  enum Cut: Sendable {
    /// The server never hears of the commit.
    case before
    /// The server commits, and its answer is lost.
    case after
  }

  private let armed = Mutex<Cut?>(nil)
  private let target: String

  init(at folder: String, to server: String) throws {
    target = "\(server)/.s.PGSQL.5432"
    let listener = try Self.socket("\(folder)/.s.PGSQL.5432", Glibc.bind)
    #expect(listen(listener, 16) == 0)
    Thread.detachNewThread { [self] in
      while true {
        let client = accept(listener, nil, nil)
        guard client >= 0, let server = try? Self.socket(target, Glibc.connect) else { return }
        connect(client, server)
      }
    }
  }

  func cut(_ cut: Cut) { armed.withLock { $0 = cut } }
  var hasCut: Bool { armed.withLock { $0 == nil } }

  private func connect(_ client: Int32, _ server: Int32) {
    let isMute = Flag()
    Thread.detachNewThread {
      Self.pump(server, client) { _ in !isMute.isSet.load(ordering: .sequentiallyConsistent) }
    }
    Thread.detachNewThread { [self] in
      Self.pump(client, server) { bytes in
        guard bytes.firstRange(of: Array("COMMIT".utf8)) != nil else { return true }
        let cut = armed.withLock { cut in
          defer { cut = nil }
          return cut
        }
        if cut == .after { isMute.isSet.store(true, ordering: .sequentiallyConsistent) }
        return cut != .before
      }
    }
  }

  private final class Flag: Sendable { let isSet = Atomic(false) }

  /// Copies until either side ends or `passes` says no, and then ends both.
  private static func pump(_ from: Int32, _ to: Int32, _ passes: ([UInt8]) -> Bool) {
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = read(from, &buffer, buffer.count)
      guard count > 0, passes(Array(buffer[..<count])),
        send(to, buffer, count, Int32(MSG_NOSIGNAL)) == count
      else { break }
    }
    shutdown(from, Int32(SHUT_RDWR))
    shutdown(to, Int32(SHUT_RDWR))
  }

  private static func socket(
    _ path: String,
    _ use: (Int32, UnsafePointer<sockaddr>, socklen_t) -> Int32
  ) throws -> Int32 {
    let descriptor = Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
    let result = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        use(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    guard result == 0 else {
      throw TelosError(.unavailable, "\(path): \(String(cString: strerror(errno)))")
    }
    return descriptor
  }
}
