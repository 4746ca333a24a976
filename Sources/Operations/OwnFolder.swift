internal import FoundationEssentials
internal import Glibc
public import TelosCore

/// The data folder of a daemon: its own, and used by one process at a time.
public enum OwnFolder {
  /// Makes the folder with mode 0700 if it is not there.
  ///
  /// - Throws: `forbidden` where somebody else than the daemon's user could write to it.
  public static func make(_ path: String) throws(TelosError) {
    guard let status = FileStatus(path, followingLinks: false) else {
      do {
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
      } catch {
        throw TelosError(.forbidden, "cannot make the folder \(path): \(error)")
      }
      chmod(path, 0o700)
      return
    }
    guard status.kind == .folder else {
      throw TelosError(.invalidArgument, "\(path) is not a folder")
    }
    guard status.owner == geteuid(), status.permissions & 0o022 == 0 else {
      throw TelosError(
        .forbidden, "\(path) belongs to another user, or others may write to it",
        hint: "chown the folder to the daemon's user, and chmod 700 \(path)")
    }
  }

  /// Held while it lives.
  public final class Lock: Sendable {
    private let descriptor: Int32
    fileprivate init(_ descriptor: Int32) { self.descriptor = descriptor }
    deinit { close(descriptor) }
  }

  /// Takes the folder's lock, for as long as the returned value or the process lives.
  ///
  /// - Parameter program: who takes it, and writes its number into the file.
  /// - Throws: `conflict` if another process, or another part of this one, has it for two seconds more.
  public static func lock(_ path: String, for program: String) throws(TelosError) -> Lock {
    let name = "\(path)/lock"
    let descriptor = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard descriptor >= 0 else {
      throw TelosError(.internalError, "cannot open \(name): \(String(cString: strerror(errno)))")
    }
    // A child that is just being made holds its parent's descriptors until it executes something.
    var tries = 40
    while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
      guard errno == EWOULDBLOCK, tries > 0 else {
        close(descriptor)
        let owner = (try? DurableFile.read(name, limit: 64)).map {
          String(decoding: $0, as: UTF8.self).filter(\.isNumber)
        }
        throw TelosError(
          .conflict, "another \(program)\(owner.map { " (pid \($0))" } ?? "") uses \(path)",
          hint: "stop it first: systemctl stop \(program)")
      }
      usleep(50_000)
      tries -= 1
    }
    ftruncate(descriptor, 0)
    let text = "\(getpid())\n"
    _ = text.withCString { write(descriptor, $0, strlen($0)) }
    return Lock(descriptor)
  }
}
