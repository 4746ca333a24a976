internal import Glibc

/// The kernel's clock for every end of a right: it counts suspended time and never jumps.
public enum BootClock {
  /// Nanoseconds since boot.
  public static var now: UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_BOOTTIME, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }
}
