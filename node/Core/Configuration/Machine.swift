internal import FoundationEssentials
internal import Glibc

/// What this machine says of itself.
public struct Machine: Sendable, Hashable {
  /// Of this boot of the kernel; empty if it cannot be read.
  public var bootID: String
  /// `uname -r`
  public var kernel: String

  public static let current = Machine()

  private init() {
    let text =
      (try? String(contentsOfFile: "/proc/sys/kernel/random/boot_id", encoding: .utf8)) ?? ""
    bootID = text.filter { !$0.isWhitespace }
    var name = utsname()
    uname(&name)
    kernel = withUnsafeBytes(of: &name.release) { bytes in
      String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
  }

  /// Milliseconds since 1970.
  public static var unixMilliseconds: UInt64 {
    UInt64(max(0, Date().timeIntervalSince1970 * 1000))
  }
}
