import Foundation
import Glibc
import TelosCore
import Testing

@testable import Operations

@Suite("the service manager and the data folder")
struct ServiceTests {
  private func withFolder(_ body: (String) throws -> Void) throws {
    let path = "/tmp/telos-operations-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"
    defer { try? FileManager.default.removeItem(atPath: path) }
    try body(path)
  }

  /// A datagram socket of a service manager.
  private func listen(_ path: String) throws -> Int32 {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
    let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
    let bound = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    try #require(bound == 0)
    return descriptor
  }

  private func read(_ descriptor: Int32) -> String {
    var buffer = [UInt8](repeating: 0, count: 256)
    let count = recv(descriptor, &buffer, buffer.count, Int32(MSG_DONTWAIT))
    return String(decoding: buffer.prefix(max(0, count)), as: UTF8.self)
  }

  @Test func theServiceManagerHearsWhatTheDaemonSays() throws {
    try withFolder { folder in
      try OwnFolder.make(folder)
      let socket = try listen("\(folder)/notify")
      defer { close(socket) }
      let notification = ServiceNotification([
        "NOTIFY_SOCKET": "\(folder)/notify", "WATCHDOG_USEC": "2000000",
        "WATCHDOG_PID": "\(getpid())",
      ])
      #expect(notification.watchdog == .seconds(2))
      notification.ready("enforcing")
      #expect(read(socket) == "READY=1\nSTATUS=enforcing")
      notification.alive()
      #expect(read(socket) == "WATCHDOG=1")
      notification.stopping()
      #expect(read(socket) == "STOPPING=1")
      // Of another process of the unit, and without a service manager.
      #expect(
        ServiceNotification(["WATCHDOG_USEC": "2000000", "WATCHDOG_PID": "1"]).watchdog == nil)
      ServiceNotification([:]).ready("x")
    }
  }

  @Test func aFolderHasOneUserAtATime() throws {
    try withFolder { folder in
      try OwnFolder.make(folder)
      #expect(FileStatus(folder)?.permissions == 0o700)
      var first: OwnFolder.Lock? = try OwnFolder.lock(folder, for: "telos-node")
      let error = #expect(throws: TelosError.self) {
        _ = try OwnFolder.lock(folder, for: "telos-node")
      }
      #expect(
        error?.code == .conflict
          && error?.message == "another telos-node (pid \(getpid())) uses \(folder)")
      withExtendedLifetime(first) {}
      first = nil
      _ = try OwnFolder.lock(folder, for: "telos-node")
    }
  }

  @Test func aFolderThatOthersMayWriteToIsRefused() throws {
    try withFolder { folder in
      try OwnFolder.make(folder)
      chmod(folder, 0o770)
      let error = #expect(throws: TelosError.self) { try OwnFolder.make(folder) }
      #expect(error?.code == .forbidden)
    }
  }
}
