internal import Glibc

/// What the system says of a file. Here, because modules that also see CoreFoundation cannot name `struct stat`.
public struct FileStatus: Sendable, Hashable {
  public enum Kind: Sendable, Hashable { case file, folder, link, socket, other }
  public var kind: Kind
  /// The lower twelve bits of the mode.
  public var permissions: UInt32
  public var owner: UInt32
  public var device: UInt64
  public var inode: UInt64

  /// Nil when there is no such file, or it cannot be looked at.
  public init?(_ path: String, followingLinks: Bool = true) {
    self.init(BytePath(path), followingLinks: followingLinks)
  }

  /// Nil when there is no such file, or it cannot be looked at.
  public init?(_ path: BytePath, followingLinks: Bool = true) {
    var status = stat()
    let answer = path.withCString { followingLinks ? stat($0, &status) : lstat($0, &status) }
    guard answer == 0 else { return nil }
    kind =
      switch status.st_mode & S_IFMT {
      case S_IFREG: .file
      case S_IFDIR: .folder
      case S_IFLNK: .link
      case S_IFSOCK: .socket
      default: .other
      }
    permissions = status.st_mode & 0o7777
    owner = status.st_uid
    device = UInt64(status.st_dev)
    inode = UInt64(status.st_ino)
  }
}
