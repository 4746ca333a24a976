import Glibc
import IntentCompiler
import Intents
import Kernel
import TelosCore

/// Identities by stat(2), as the kernel has them on file systems without layers.
struct StatResolver: FileResolver {
  func identities(of path: BytePath) throws(TelosError) -> [FileIdentity] {
    var status = stat()
    guard path.withCString({ stat($0, &status) }) == 0 else {
      throw TelosError(.notFound, "cannot resolve \(path)")
    }
    return [
      FileIdentity(
        inode: UInt64(status.st_ino), device: UInt32(truncatingIfNeeded: status.st_dev),
        generation: 0)
    ]
  }
}

/// A root of its own in a temporary folder, with real programs in it.
final class Sandbox {
  let root: String

  init() throws {
    var template = Array("/tmp/telos-compiler-XXXXXX".utf8CString)
    guard let made = mkdtemp(&template) else {
      throw TelosError(.internalError, "no temporary folder")
    }
    root = String(cString: made)
    for folder in ["/usr/bin", "/srv/work", "/srv/app/sub", "/run", "/tmp", "/lib64", "/etc"] {
      makeFolder(folder)
    }
    copy("/bin/cat", "/usr/bin/cat")
    copy("/lib64/ld-linux-x86-64.so.2", "/lib64/ld-linux-x86-64.so.2")
  }

  deinit { remove(BytePath(root)) }

  func makeFolder(_ path: String) {
    var partial = root
    for part in path.split(separator: "/") {
      partial += "/\(part)"
      mkdir(partial, 0o755)
    }
  }

  func write(_ content: String, _ path: String, mode: mode_t = 0o644) {
    write(Array(content.utf8), path, mode: mode)
  }

  func write(_ content: [UInt8], _ path: String, mode: mode_t = 0o644) {
    let descriptor = open(root + path, O_WRONLY | O_CREAT | O_TRUNC, mode)
    precondition(descriptor >= 0, "cannot create \(path)")
    var rest = content[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      precondition(count > 0)
      rest = rest.dropFirst(count)
    }
    fchmod(descriptor, mode)
    close(descriptor)
  }

  /// An empty file, by the bytes of its path.
  func touch(_ path: BytePath) {
    let descriptor = BytePath(bytes: root.utf8 + path.bytes).withCString {
      open($0, O_WRONLY | O_CREAT, 0o644)
    }
    precondition(descriptor >= 0, "cannot create \(path)")
    close(descriptor)
  }

  func copy(_ host: String, _ path: String) {
    guard let bytes = try? DurableFile.read(host) else { preconditionFailure("no \(host)") }
    write(bytes, path, mode: 0o755)
  }

  func link(_ target: String, _ path: String) { symlink(target, root + path) }

  func identity(_ path: BytePath) -> FileIdentity? {
    try? StatResolver().identities(of: BytePath(bytes: root.utf8 + path.bytes)).first
  }

  func context(
    cwd: BytePath = "/srv/work", tmp: String? = "/tmp", now: UInt64 = 1000, readsVerity: Bool = true
  )
    -> CompileContext
  {
    CompileContext(
      root: root, workingDirectory: cwd, temporaryDirectory: tmp, bootNanoseconds: now,
      readsVerity: readsVerity, resolver: StatResolver())
  }

  /// Compiles an intent whose spec is `spec`; `exec` defaults to cat.
  func compile(
    _ spec: String, exec: String = "{allow: [{path: /usr/bin/cat}]}", cwd: BytePath = "/srv/work",
    readsVerity: Bool = true
  )
    throws -> IntentCompiler.Result
  {
    let lines = "exec: \(exec)\n\(spec)".split(separator: "\n").map { "  \($0)\n" }.joined()
    let intent = try IntentParser.parse(
      "apiVersion: telos/v1\nkind: Intent\nmetadata: {name: test}\nspec:\n" + lines)
    return try IntentCompiler.compileWithNotes(
      intent, in: context(cwd: cwd, readsVerity: readsVerity))
  }

  func rule(_ result: IntentCompiler.Result, _ path: BytePath) -> FileRule? {
    guard let identity = identity(path) else { return nil }
    return result.policy.files.first { $0.identities.contains(identity) }
  }

  private func remove(_ path: BytePath) {
    if let folder = path.withCString({ opendir($0) }) {
      while let entry = readdir(folder) {
        let name = withUnsafePointer(to: &entry.pointee.d_name) {
          $0.withMemoryRebound(to: CChar.self, capacity: 256) { BytePath(cString: $0) }
        }
        if name == "." || name == ".." { continue }
        let child = path.appending(name)
        var status = stat()
        if child.withCString({ lstat($0, &status) }) == 0, status.st_mode & S_IFMT == S_IFDIR {
          remove(child)
        } else {
          _ = child.withCString { unlink($0) }
        }
      }
      closedir(folder)
      _ = path.withCString { rmdir($0) }
    }
  }
}

/// What a compilation was refused with.
func refusal(_ body: () throws -> Void) -> TelosError? {
  do {
    try body()
    return nil
  } catch {
    return error as? TelosError
  }
}
