internal import FoundationEssentials
internal import Glibc
public import TelosCore

/// `/var/lib/telos`: what a node keeps, and the lock that only one daemon holds.
public struct DataFolder: Sendable, Hashable {
  public let path: String

  /// Makes the folder with mode 0700 if it is not there. Throws when somebody else than root (or the caller) could
  /// write to it.
  public init(_ path: String) throws(TelosError) {
    self.path = path
    guard let status = FileStatus(path, followingLinks: false) else {
      do {
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
      } catch { throw TelosError(.internalError, "cannot make \(path): \(error)") }
      chmod(path, 0o700)
      return
    }
    guard status.kind == .folder else {
      throw TelosError(.invalidArgument, "\(path) is not a folder")
    }
    guard status.owner == geteuid(), status.permissions & 0o022 == 0 else {
      throw TelosError(
        .forbidden, "\(path) belongs to another user, or others may write to it",
        hint: "chown root \(path) && chmod 700 \(path)")
    }
  }

  public func file(_ name: String) -> String { "\(path)/\(name)" }

  /// Takes the daemon's lock, for as long as the returned value lives or the process does.
  ///
  /// Throws `conflict` when another daemon has it.
  public func lock() throws(TelosError) -> Lock {
    let name = file("lock")
    let descriptor = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard descriptor >= 0 else {
      throw TelosError(.internalError, "cannot open \(name): \(String(cString: strerror(errno)))")
    }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      let owner = (try? DurableFile.read(name, limit: 64)).map {
        String(decoding: $0, as: UTF8.self)
      }
      close(descriptor)
      throw TelosError(
        .conflict,
        "another telos-node\(owner.map { " (pid \($0.filter(\.isNumber)))" } ?? "") uses \(path)",
        hint: "stop it first: systemctl stop telos-node")
    }
    ftruncate(descriptor, 0)
    let text = "\(getpid())\n"
    _ = text.withCString { write(descriptor, $0, strlen($0)) }
    return Lock(descriptor: descriptor)
  }

  /// Held while it lives.
  public final class Lock: Sendable {
    private let descriptor: Int32
    init(descriptor: Int32) { self.descriptor = descriptor }
    deinit { close(descriptor) }
  }
}
