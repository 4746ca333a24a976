internal import CLibbpf
internal import Glibc

/// Reads records of one size from several BPF ring buffers. Used by one thread at a time.
public final class RingReader<Record: BitwiseCopyable> {
  private var ring: OpaquePointer?
  private let handle: (Record) -> Void
  /// Records that were shorter than they should be.
  public private(set) var malformed: UInt64 = 0

  /// - Parameter handle: called from ``poll(milliseconds:)``, in the order of each ring.
  public init(_ maps: [Descriptor], handle: @escaping (Record) -> Void) throws(BPFError) {
    self.handle = handle
    guard let first = maps.first else { throw BPFError("read no ring", code: EINVAL) }
    // Unretained: `deinit` frees the rings before `self` goes away. The callback is @convention(c), where a
    // generic type cannot be named, hence the protocol.
    let context = Unmanaged.passUnretained(self as AnyObject).toOpaque()
    let ring = try check(ring_buffer__new(first.number, deliver, context, nil), "read a ring")
    self.ring = ring
    for map in maps.dropFirst() {
      try check(ring_buffer__add(ring, map.number, deliver, context), "read a second ring")
    }
  }

  deinit { ring_buffer__free(ring) }

  /// Waits up to a time-out and handles what is there.
  @discardableResult
  public func poll(milliseconds: Int32) throws(BPFError) -> Int {
    let count = ring_buffer__poll(ring, milliseconds)
    if count == -EINTR { return 0 }
    try check(count, "wait for a ring")
    return Int(count)
  }
}

private protocol RecordSink: AnyObject { func take(_ bytes: UnsafeRawBufferPointer) }

extension RingReader: RecordSink {
  fileprivate func take(_ bytes: UnsafeRawBufferPointer) {
    guard bytes.count >= MemoryLayout<Record>.size else {
      malformed += 1
      return
    }
    handle(bytes.loadUnaligned(as: Record.self))
  }
}

private let deliver: ring_buffer_sample_fn = { context, data, size in
  guard let context, let data else { return 0 }
  let object = Unmanaged<AnyObject>.fromOpaque(context).takeUnretainedValue()
  (object as? any RecordSink)?.take(UnsafeRawBufferPointer(start: data, count: Int(size)))
  return 0
}
