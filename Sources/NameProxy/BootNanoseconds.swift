internal import Glibc

/// Nanoseconds of the kernel's boot clock: it counts suspended time and never jumps.
@Sendable public func bootNanoseconds() -> UInt64 {
  var time = timespec()
  clock_gettime(CLOCK_BOOTTIME, &time)
  return UInt64(time.tv_sec) * second + UInt64(time.tv_nsec)
}
