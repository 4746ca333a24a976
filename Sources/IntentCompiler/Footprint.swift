internal import Glibc
internal import TelosCore

/// A file as lstat(2) has it: while this is the same, so are the file and its content.
struct FileStamp: Hashable, Sendable {
  var device: UInt64
  var inode: UInt64
  var mode: mode_t
  var size: Int64
  /// Nanoseconds since 1970, as all times here.
  var modified: Int64
  /// Nobody sets this one but the kernel.
  var changed: Int64

  init(_ status: stat) {
    device = UInt64(status.st_dev)
    inode = UInt64(status.st_ino)
    mode = status.st_mode
    size = Int64(status.st_size)
    modified = Self.nanoseconds(status.st_mtim)
    changed = Self.nanoseconds(status.st_ctim)
  }

  static func nanoseconds(_ time: timespec) -> Int64 {
    Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
  }

  static var now: Int64 {
    var now = timespec()
    clock_gettime(CLOCK_REALTIME, &now)
    return nanoseconds(now)
  }

  /// Whether it was touched so lately that the next change might fall into the same tick of the file system's clock.
  func isFresh(at now: Int64) -> Bool { max(changed, modified) > now - 2_000_000_000 }

  func isSameFile(as other: FileStamp) -> Bool {
    device == other.device && inode == other.inode && mode & S_IFMT == other.mode & S_IFMT
  }
}

/// What a look at the file system depended on: every name that was looked up, and every folder that was listed. While all
/// of that is as it was, the same look comes out the same.
final class Footprint {
  enum Seen: Hashable, Sendable {
    case absent
    /// A folder on the way to something else: only which one it is counts.
    case passed(FileStamp)
    /// A file, a link, or a folder that was listed: its content counts.
    case whole(FileStamp)
  }

  /// By path from the root, without links in it.
  private(set) var names: [BytePath: Seen] = [:]
  /// Something was so new that a change of it might leave no trace, or could not be looked at.
  private(set) var isUncertain = false
  private let began = FileStamp.now

  /// What a name was; nil: not there.
  func note(_ path: BytePath, _ status: stat?) {
    guard let stamp = status.map(FileStamp.init) else {
      names[path] = .absent
      return
    }
    guard stamp.mode & S_IFMT == S_IFDIR else { return noteWhole(path, stamp) }
    if names[path] == nil { names[path] = .passed(stamp) }
  }

  /// - Parameter stamp: of before the content was read.
  func noteWhole(_ path: BytePath, _ stamp: FileStamp) {
    names[path] = .whole(stamp)
    if stamp.isFresh(at: began) { isUncertain = true }
  }

  func noteFailure() { isUncertain = true }
}
