import Foundation
import Glibc
import TelosCore
import Testing

@testable import Coordinator

/// PostgreSQL servers of Debian's in one temporary folder, which a test starts, kills and promotes as it likes.
///
/// They run as somebody who is not root, and end with this process however that ends: a shell waits for the end of its
/// standard input.
final class PostgreSQLCluster: Sendable {
  let folder: String
  private let programs: String
  private let input = Pipe()

  private static let keeper = """
    cat
    for file in "$1"/*/postmaster.pid; do
      [ -e "$file" ] || continue
      read -r pid <"$file"
      if grep -qaF "$1" "/proc/$pid/cmdline"; then kill -INT "$pid"; fi
    done
    sleep 0.5
    rm -rf "$1"
    """

  init() throws {
    let versions = try? FileManager.default.contentsOfDirectory(atPath: "/usr/lib/postgresql")
    let newest = try #require(
      versions?.compactMap(Int.init).max(), "postgresql-15 is missing; make setup installs it")
    programs = "/usr/lib/postgresql/\(newest)/bin"
    folder = NSTemporaryDirectory() + "/telos-pg-\(UUID().uuidString.prefix(8))"
    try FileManager.default.createDirectory(
      atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o755])
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/sh")
    process.arguments = ["-c", Self.keeper, "sh", folder]
    process.standardInput = input
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try process.run()
    try Self.run("[ $(id -u) -ne 0 ] || chown postgres: '\(folder)'")
  }

  deinit { try? input.fileHandleForWriting.close() }

  /// Makes a server with an empty database `telos`, does not start it.
  func make(_ name: String) throws {
    try own(
      "initdb -D \(name) -U telos -A trust --no-sync --encoding=UTF8 --locale=C.UTF-8")
  }

  /// Starts a server; it listens on a socket in the folder of its name with an `s` behind it.
  func start(_ name: String, _ settings: String) throws {
    let common =
      "-k \(sockets(name)) -c fsync=off -c full_page_writes=off -c shared_buffers=32MB "
      + "-c jit=off -c autovacuum=off"
    try own(
      "mkdir -p \(sockets(name)) && pg_ctl -D \(name) -s -w -l \(name).log "
        + "-o '\(common) \(settings)' start")
  }

  func sockets(_ name: String) -> String { "\(folder)/\(name)s" }

  /// A session at one server that takes writes.
  func session(_ name: String, database: String = "postgres") throws -> PostgreSQLConnection {
    try PostgreSQLConnection(
      try PostgreSQLAddress("host=\(sockets(name)) user=telos dbname=\(database)"))
  }

  /// The server's processes, its first one in front.
  func processes(_ name: String) throws -> [pid_t] {
    let file = try String(contentsOfFile: "\(folder)/\(name)/postmaster.pid", encoding: .utf8)
    let first = try #require(file.split(separator: "\n").first.flatMap { pid_t($0) })
    let others = try FileManager.default.contentsOfDirectory(atPath: "/proc").compactMap(pid_t.init)
    return [first]
      + others.filter { pid in
        let stat = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8)
        // Behind the name in parentheses: state, parent.
        let fields = stat?.split(separator: ")").last?.split(separator: " ") ?? []
        return fields.count > 1 && pid_t(fields[1]) == first
      }
  }

  func signal(_ name: String, _ signal: Int32) throws {
    for pid in try processes(name) { kill(pid, signal) }
  }

  /// Runs a command as the servers' user, in the folder, with PostgreSQL's programs at hand.
  func own(_ command: String) throws {
    try Self.run(
      """
      cd '\(folder)'
      export PATH='\(programs)':$PATH
      if [ "$(id -u)" -eq 0 ]; then
        exec setpriv --reuid=postgres --regid=postgres --clear-groups -- sh -euc "$1"
      fi
      exec sh -euc "$1"
      """, command)
  }

  /// Runs a script and answers what it wrote. What it leaves running inherits nothing of this process.
  @discardableResult
  static func run(_ script: String, _ arguments: String...) throws -> String {
    let file = NSTemporaryDirectory() + "/telos-output-\(UUID().uuidString)"
    _ = FileManager.default.createFile(atPath: file, contents: nil)
    defer { try? FileManager.default.removeItem(atPath: file) }
    let output = try #require(FileHandle(forWritingAtPath: file))
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/bash")
    process.arguments = ["-euc", alone + script, "bash"] + arguments
    process.environment = ["PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "LC_ALL": "C.UTF-8"]
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = output
    process.standardError = output
    try process.run()
    process.waitUntilExit()
    let said = try String(contentsOfFile: file, encoding: .utf8)
    guard process.terminationStatus == 0 else { throw TelosError(.internalError, said) }
    return said
  }

  private static let alone = """
    for file in /proc/$$/fd/*; do
      number=${file##*/}
      if [ "$number" -gt 2 ] && [ "$number" -ne 255 ]; then eval "exec $number>&-"; fi
    done

    """
}
