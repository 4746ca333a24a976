internal import Glibc

/// A TCP connection of an agent. Questions may follow each other without waiting; answers go out as they are there.
final class Connection {
  let descriptor: Int32
  let network: UInt64
  /// Known by the first bytes at the latest.
  var agent: AgentNames?
  private(set) var lastUsed: UInt64
  /// When the first byte of a question came that is not complete yet.
  private(set) var begun: UInt64?
  private var incoming: [UInt8] = []
  private var outgoing: [UInt8] = []
  private(set) var isClosed = false

  /// Bytes that a client leaves unread before it is no longer listened to.
  private static let mostOutgoing = 256 << 10
  /// What answers to earlier questions may add to that; then the connection is over.
  private static let mostUnread = 2 << 20

  init(_ descriptor: Int32, network: UInt64, now: UInt64) {
    (self.descriptor, self.network, lastUsed) = (descriptor, network, now)
  }

  deinit { if !isClosed { Glibc.close(descriptor) } }

  var wantsToWrite: Bool { !outgoing.isEmpty }
  var wantsToRead: Bool { outgoing.count < Self.mostOutgoing }

  func close() {
    guard !isClosed else { return }
    isClosed = true
    Glibc.close(descriptor)
  }

  /// Reads what is there and hands on each complete question.
  ///
  /// - Returns: false where the connection is over.
  func read(now: UInt64, _ body: (UnsafeBufferPointer<UInt8>) -> Void) -> Bool {
    guard !isClosed else { return false }
    let isOpen = withUnsafeTemporaryAllocation(byteCount: 16 << 10, alignment: 1) { buffer in
      let count = recv(descriptor, buffer.baseAddress, buffer.count, Int32(MSG_DONTWAIT))
      if count > 0 { incoming += buffer[..<count] }
      return count > 0 || count < 0 && (errno == EAGAIN || errno == EINTR)
    }
    guard isOpen else { return false }
    var start = 0
    while incoming.count - start >= 2 {
      let length = Int(incoming[start]) << 8 | Int(incoming[start + 1])
      // Nobody asks in so few bytes, or so many.
      guard (12...Query.mostBytes).contains(length) else { return false }
      guard incoming.count - start - 2 >= length else { break }
      incoming.withUnsafeBufferPointer {
        body(UnsafeBufferPointer(rebasing: $0[(start + 2)..<(start + 2 + length)]))
      }
      start += 2 + length
      begun = nil
      lastUsed = now
    }
    incoming.removeFirst(start)
    if !incoming.isEmpty, begun == nil { begun = now }
    return true
  }

  /// - Returns: false where the connection is over.
  func write(_ message: [UInt8], now: UInt64) -> Bool {
    guard !isClosed, message.count <= 65535, outgoing.count < Self.mostUnread else { return false }
    lastUsed = now
    outgoing += [UInt8(message.count >> 8), UInt8(message.count & 255)]
    outgoing += message
    return flush()
  }

  func flush() -> Bool {
    guard !isClosed else { return false }
    while !outgoing.isEmpty {
      let count = Glibc.send(
        descriptor, outgoing, outgoing.count,
        Int32(MSG_DONTWAIT | MSG_NOSIGNAL))
      guard count > 0 else { return errno == EAGAIN || errno == EINTR }
      outgoing.removeFirst(count)
    }
    return true
  }

  func isStale(_ now: UInt64, _ patience: UInt64) -> Bool {
    begun.map { $0 + patience < now } ?? (lastUsed + patience < now)
  }
}
