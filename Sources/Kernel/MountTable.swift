internal import Glibc
public import TelosCore

/// The file systems that are mounted on the machine, as its first process sees them, or as this one does where the first may
/// not be looked at: the daemon may be in a container.
public struct MountTable: Sendable, Hashable {
  public struct Mount: Sendable, Hashable {
    /// The kernel's encoding, of the file system itself.
    public var device: UInt32
    /// For example `ext4`.
    public var type: String
    /// Below ``MountTable/root``.
    public var point: BytePath
  }

  public var mounts: [Mount]
  /// To be put before the mount points.
  public var root: String

  /// As it is now; empty where it cannot be read.
  public init() {
    let isOpen = access("/proc/1/root/.", X_OK) == 0
    let bytes = try? DurableFile.read("/proc/\(isOpen ? "1" : "self")/mountinfo", limit: 64 << 20)
    self.init(bytes ?? [], below: isOpen ? "/proc/1/root" : "")
  }

  /// From the text of a `mountinfo`, see proc(5). Mount points are bytes: a reader of text would miss names that are none.
  public init(_ text: some Collection<UInt8>, below root: String = "") {
    self.root = root
    mounts = Array(text).split(separator: UInt8(ascii: "\n")).compactMap { line in
      let words = line.split(separator: UInt8(ascii: " "))
      guard words.count > 5, let dash = words.firstIndex(of: [UInt8(ascii: "-")]),
        dash + 1 < words.count
      else { return nil }
      let numbers = words[2].split(separator: UInt8(ascii: ":"))
        .compactMap { UInt32(String(decoding: $0, as: UTF8.self)) }
      guard numbers.count == 2, numbers[0] < 1 << 12, numbers[1] < 1 << 20 else { return nil }
      return Mount(
        device: numbers[0] << 20 | numbers[1],
        type: String(decoding: words[dash + 1], as: UTF8.self), point: Self.plain(words[4]))
    }
  }

  /// Devices whose files end with the machine's memory.
  public var inMemory: Set<UInt32> {
    let types: Set = ["tmpfs", "ramfs", "devtmpfs", "devpts", "mqueue", "hugetlbfs"]
    return Set(mounts.filter { types.contains($0.type) }.map(\.device))
  }

  /// Spaces and line ends stand in it as backslash and three octal digits.
  private static func plain(_ text: ArraySlice<UInt8>) -> BytePath {
    var bytes: [UInt8] = []
    var rest = text
    while let byte = rest.popFirst() {
      if byte == UInt8(ascii: "\\"), rest.count >= 3,
        let code = UInt8(String(decoding: rest.prefix(3), as: UTF8.self), radix: 8)
      {
        bytes.append(code)
        rest = rest.dropFirst(3)
      } else {
        bytes.append(byte)
      }
    }
    return BytePath(bytes: bytes)
  }
}
