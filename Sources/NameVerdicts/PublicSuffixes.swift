internal import CPSL
public import TelosCore

/// A list of public suffixes: under which names anybody may have one of his own.
///
/// Its ICANN section says what registries sell, which is what look-alikes are registered under. Its private section says
/// what companies give to their customers (github.io), which tells whose a name is.
public final class PublicSuffixes: Sendable {
  /// Says which list this is: `sha256:` and the digest of its bytes, or `libpsl sha1:` and what the library says of its
  /// own one.
  public let version: String
  /// Only read after `init`, and libpsl's look-up takes no lock and writes nothing.
  private nonisolated(unsafe) let psl: UnsafeMutablePointer<cpsl>

  /// The list that libpsl was built with. Throws `unavailable` where libpsl is not installed.
  public static func builtIn() throws(TelosError) -> PublicSuffixes {
    try PublicSuffixes(bytes: nil)
  }

  /// Reads a list as publicsuffix.org serves it. Throws `invalidArgument` for anything else, and `unavailable` where
  /// libpsl is not installed.
  public convenience init(_ bytes: [UInt8]) throws(TelosError) { try self.init(bytes: bytes) }

  private init(bytes: [UInt8]?) throws(TelosError) {
    var psl = cpsl()
    let missing =
      if let bytes {
        bytes.withUnsafeBytes {
          cpsl_open(&psl, $0.baseAddress ?? UnsafeRawPointer(bitPattern: 1), $0.count)
        }
      } else {
        cpsl_open(&psl, nil, 0)
      }
    if let missing {
      let what = String(cString: missing)
      guard bytes == nil || what == String(cString: cpsl_library) else {
        throw TelosError(
          .invalidArgument, "this is no list of public suffixes",
          hint:
            "take public_suffix_list.dat of publicsuffix.org, or of Debian's package publicsuffix")
      }
      throw TelosError(
        .unavailable, "names cannot be judged without libpsl: \(what) is missing",
        hint: "apt-get install libpsl5")
    }
    self.psl = .allocate(capacity: 1)
    self.psl.initialize(to: psl)
    if let bytes {
      version = "sha256:\(Digest(of: bytes))"
    } else {
      version = "libpsl sha1:" + (cpsl_own_digest().map { String(cString: $0) } ?? "unknown")
    }
  }

  deinit {
    cpsl_close(psl)
    psl.deallocate()
  }

  /// No rule of the list is longer than five labels; one more is looked at.
  private static let longestRule = 6

  /// Where the public suffix begins: the number of its first label. `name`: the whole name, NUL-terminated; `starts`:
  /// where in it each label begins. Equals the count of labels where no suffix is known.
  func suffixStart(of name: [UInt8], starts: [Int], withPrivate: Bool) -> Int {
    name.withUnsafeBytes { bytes in
      guard let base = bytes.bindMemory(to: CChar.self).baseAddress else { return starts.count }
      for label in max(0, starts.count - Self.longestRule)..<starts.count
      where cpsl_is_public(psl, base + starts[label], withPrivate ? 1 : 0) != 0 {
        return label
      }
      return starts.count
    }
  }
}
