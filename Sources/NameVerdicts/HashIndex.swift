/// From the hash of some bytes to the numbers of the watched names that have them. Built once, then only read.
///
/// Equal hashes do not mean equal bytes: who looks up compares.
struct HashIndex: Sendable {
  private let hashes: [UInt64]
  private let numbers: [UInt32]
  /// Where the hashes of a bucket begin, and one more for the end of the last.
  private let starts: [UInt32]
  private let shift: UInt64

  init(_ pairs: [(hash: UInt64, number: UInt32)]) {
    let sorted = pairs.sorted { $0.hash != $1.hash ? $0.hash < $1.hash : $0.number < $1.number }
    var bits: UInt64 = 4
    while 1 << bits < sorted.count { bits += 1 }
    shift = 64 - bits
    hashes = sorted.map(\.hash)
    numbers = sorted.map(\.number)
    var starts = [UInt32](repeating: 0, count: 1 << Int(bits) + 1)
    for pair in sorted { starts[Int(pair.hash >> shift) + 1] += 1 }
    for bucket in 1..<starts.count { starts[bucket] += starts[bucket - 1] }
    self.starts = starts
  }

  /// Calls `body` with the number of each name that was filed under `hash`, in ascending order.
  @inline(__always)
  func each(_ hash: UInt64, _ body: (Int) -> Void) {
    let bucket = Int(hash >> shift)
    var place = Int(starts[bucket])
    let end = Int(starts[bucket + 1])
    while place < end {
      if hashes[place] == hash { body(Int(numbers[place])) }
      place += 1
    }
  }
}
