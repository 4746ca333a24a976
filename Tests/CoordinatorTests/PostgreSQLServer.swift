import Foundation
import Synchronization
import Testing

@testable import Coordinator

/// A PostgreSQL of Debian's in a temporary folder, on a socket in it, shared by the tests of this process.
///
/// It runs as somebody who is not root, and ends with this process however that ends: a shell waits for the end of its
/// standard input.
final class PostgreSQLServer: Sendable {
  static let shared = Task { try await PostgreSQLServer() }

  let folder: String
  private let input: Pipe
  private let count = Mutex(0)

  private static let script = """
    cd "$1"
    if [ "$(id -u)" -eq 0 ]; then
      chown postgres: .
      as="setpriv --reuid=postgres --regid=postgres --clear-groups --"
    fi
    # The order of a language, so that only what asks for the order of bytes gets it.
    ${as-} "$2/initdb" -D data -U telos -A trust --no-sync --encoding=UTF8 --locale=C.UTF-8 \\
      --locale-provider=icu --icu-locale=en
    ${as-} "$2/postgres" -D data -k "$1" -c listen_addresses= -c max_connections=400 -c shared_buffers=32MB \\
      -c max_pred_locks_per_transaction=256 -c fsync=off -c full_page_writes=off -c autovacuum=off \\
      -c jit=off </dev/null &
    server=$!
    cat
    kill -INT $server
    wait $server || true
    rm -rf "$1"
    """

  private init() async throws {
    let versions = try? FileManager.default.contentsOfDirectory(atPath: "/usr/lib/postgresql")
    let newest = try #require(
      versions?.compactMap(Int.init).max(), "postgresql-15 is missing; make setup installs it")
    folder = NSTemporaryDirectory() + "/telos-postgresql-\(UUID().uuidString.prefix(8))"
    try FileManager.default.createDirectory(
      atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o755])
    input = Pipe()
    let log = "\(folder)/log"
    _ = FileManager.default.createFile(atPath: log, contents: nil)
    let output = try #require(FileHandle(forWritingAtPath: log))
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/sh")
    process.arguments = [
      "-euc", Self.script, "sh", folder, "/usr/lib/postgresql/\(newest)/bin",
    ]
    process.environment = ["PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "LC_ALL": "C.UTF-8"]
    process.standardInput = input
    process.standardOutput = output
    process.standardError = output
    try process.run()
    let maintenance = try PostgreSQLAddress("host=\(folder) user=telos dbname=postgres")
    for attempt in 0... {
      do {
        try PostgreSQLConnection(maintenance).command("CREATE DATABASE telos")
        return
      } catch {
        guard attempt < 300, process.isRunning else {
          let said = try? String(contentsOfFile: log, encoding: .utf8)
          Issue.record("PostgreSQL does not start: \(error): \(said ?? "")")
          throw error
        }
        try await Task.sleep(for: .milliseconds(100))
      }
    }
  }

  /// The address of a place of its own for one store: a schema.
  func place() throws -> PostgreSQLAddress {
    let schema = count.withLock { count in
      count += 1
      return "t\(count)"
    }
    let address = try PostgreSQLAddress(
      "host=\(folder) user=telos dbname=telos options=-csearch_path=\(schema)")
    try PostgreSQLConnection(address).command("CREATE SCHEMA \(schema)")
    return address
  }
}
