internal import CSockets

/// Datagrams by the batch: one system call for many, in memory that is made once.
final class DatagramBatch {
  static let count = Int(CSOCKETS_BATCH)

  private let batch: OpaquePointer?
  private let datagrams = UnsafeMutablePointer<csockets_datagram>.allocate(capacity: count)

  init() { batch = csockets_batch_new(Query.mostBytes) }

  deinit {
    if let batch { csockets_batch_free(batch) }
    datagrams.deallocate()
  }

  /// Receives what is there, at most a batch.
  ///
  /// - Parameter body: called with each datagram, its mark, 0 where it has none, and its sender.
  /// - Returns: how many there were.
  func receive(
    _ socket: Int32, _ body: (UnsafeBufferPointer<UInt8>, UInt32, PeerAddress) -> Void
  ) -> Int {
    guard let batch else { return 0 }
    let received = Int(csockets_receive(batch, socket, datagrams))
    for index in 0..<received {
      let one = datagrams[index]
      body(
        UnsafeBufferPointer(start: one.bytes, count: one.count), one.mark,
        one.peer)
    }
    return received
  }
}

/// An IPv4 or IPv6 address with its port, as the kernel gave it.
typealias PeerAddress = csockets_peer

/// Answers that are sent together, those of one socket by one system call.
struct OutgoingDatagrams {
  private var waiting: [Int32: [(bytes: [UInt8], peer: PeerAddress)]] = [:]

  mutating func add(_ bytes: [UInt8], _ socket: Int32, _ peer: PeerAddress) {
    waiting[socket, default: []].append((bytes, peer))
    if waiting[socket]?.count == DatagramBatch.count { send(socket) }
  }

  /// What the kernel does not take falls away, as datagrams do.
  mutating func send() {
    for (socket, list) in waiting where !list.isEmpty { send(socket) }
  }

  private mutating func send(_ socket: Int32) {
    guard let list = waiting[socket] else { return }
    waiting[socket]?.removeAll(keepingCapacity: true)
    let all = list.reduce(0) { $0 + $1.bytes.count }
    withUnsafeTemporaryAllocation(byteCount: max(all, 1), alignment: 1) { room in
      withUnsafeTemporaryAllocation(of: csockets_datagram.self, capacity: list.count) { datagrams in
        var start = 0
        for (index, one) in list.enumerated() {
          let place = UnsafeMutableRawBufferPointer(
            rebasing: room[start...].prefix(one.bytes.count))
          place.copyBytes(from: one.bytes)
          datagrams[index] = csockets_datagram(
            bytes: place.baseAddress?.assumingMemoryBound(to: UInt8.self), count: one.bytes.count,
            mark: 0, peer: one.peer)
          start += one.bytes.count
        }
        csockets_send(socket, datagrams.baseAddress, Int32(list.count))
      }
    }
  }
}
