import EventLog
import FleetWire
import FoundationEssentials
import Glibc
import SwiftProtobuf
import TelosCore
import Testing

private let childFolder = ProcessInfo.processInfo.environment["TELOS_LOG_CHILD"]

@Suite struct CrashTests {
  /// Runs in the child process of the next test only: appends for ever, confirming each batch in a file.
  @Test(.enabled(if: childFolder != nil)) func childThatAppendsUntilItIsKilled() async throws {
    let folder = try #require(childFolder)
    let log = try await EventLog.open(folder: folder, node: "n1")
    let confirmed = open("\(folder)/confirmed", O_WRONLY | O_CREAT | O_APPEND, 0o600)
    while true {
      try await log.append((1...7).map { _ in event(detail: String(repeating: "d", count: 200)) })
      let line = "\(log.last)\n"
      _ = line.withCString { write(confirmed, $0, strlen($0)) }
    }
  }

  @Test(.enabled(if: childFolder == nil), arguments: [30, 200])
  func nothingConfirmedIsLostWhenTheDaemonIsKilled(lines: Int) async throws {
    try await withFolder { folder in
      let child = try spawnChild(folder)
      defer {
        kill(child, SIGKILL)
        var status: Int32 = 0
        waitpid(child, &status, 0)
      }
      let deadline = ContinuousClock.now + .seconds(60)
      var confirmed: [UInt64] = []
      while confirmed.count < lines {
        try #require(ContinuousClock.now < deadline, "the child wrote \(confirmed.count) batches")
        try await Task.sleep(for: .milliseconds(5))
        let text = (try? String(contentsOfFile: "\(folder)/confirmed", encoding: .utf8)) ?? ""
        confirmed = text.split(separator: "\n").compactMap { UInt64($0) }
      }
      kill(child, SIGKILL)
      var status: Int32 = 0
      waitpid(child, &status, 0)

      let log = try await EventLog.open(folder: folder, node: "n1")
      #expect(log.damage == nil)
      #expect(log.last >= confirmed[lines - 1])
      #expect(log.last.isMultiple(of: 7), "a batch is there whole or not at all")
      var last: UInt64 = 0
      while last < log.last {
        let records = try await log.read(after: last)
        #expect(records.first?.sequence == last + 1)
        last = try #require(records.last).sequence
      }
    }
  }

  private func spawnChild(_ folder: String) throws -> pid_t {
    let path = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    let arguments = [
      path, "--testing-library", "swift-testing", "--filter", "childThatAppendsUntilItIsKilled",
    ]
    var environment = ProcessInfo.processInfo.environment
    environment["TELOS_LOG_CHILD"] = folder
    var argv: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
    var envp: [UnsafeMutablePointer<CChar>?] =
      environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
    defer { (argv + envp).forEach { free($0) } }
    var child: pid_t = 0
    let code = posix_spawn(&child, path, nil, nil, &argv, &envp)
    guard code == 0 else { throw TelosError(.internalError, "spawn: \(code)") }
    return child
  }
}
