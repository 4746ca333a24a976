internal import Intents
internal import Kernel
internal import TelosCore

/// A program that an entry of `exec.allow` means, looked at but not yet judged.
struct ExecCandidate {
  var path: BytePath
  var entry: Intent.Executable
  var file: RootView.Found
  var kind: ProgramKind

  /// Whether a node that cannot run it leaves it out.
  var mayBeMissing: Bool { entry.optional || entry.path.isGlob }
}

extension ExecBuild {
  mutating func candidates(of entry: Intent.Executable) throws(TelosError) -> [ExecCandidate] {
    guard entry.path.isGlob else { return try literal(entry).map { [$0] } ?? [] }
    var result: [ExecCandidate] = []
    let paths = try view.glob(entry.path)
    for path in paths {
      do throws(TelosError) {
        // A link that leads nowhere is one of many names here, and no mistake.
        guard let file = try view.resolve(path), file.isRegular, file.isExecutable else { continue }
        let program = try program(file)
        if program.multiCall != nil, !entry.multicall {
          notes.append(
            "\(path) is left out: \(file.path) is a single binary that contains many programs")
        } else if Self.isLoader(file.name) {
          notes.append("\(path) is left out: it is an ELF interpreter")
        } else {
          result.append(ExecCandidate(path: path, entry: entry, file: file, kind: program.kind))
        }
      } catch {
        notes.append("\(path) is left out: \(error.message)")
      }
    }
    if result.isEmpty {
      notes.append(
        "exec.allow: \(entry.path) \(paths.isEmpty ? "matches nothing" : "matches no program") here"
      )
    }
    return result
  }

  /// Nil where it is optional and not there.
  private mutating func literal(_ entry: Intent.Executable) throws(TelosError) -> ExecCandidate? {
    let path = BytePath(entry.path.path)
    guard let file = try view.resolve(path) else {
      guard !entry.optional else {
        notes.append("exec.allow: \(path) is left out: it does not exist here")
        return nil
      }
      throw TelosError(
        .notFound, "exec.allow: \(path) does not exist on this node",
        hint: "install it, remove the entry, or add optional: true to it")
    }
    guard file.isRegular else {
      throw TelosError(
        .refused, "exec.allow: \(path) is not a regular file",
        hint: file.isDirectory
          ? "write \(PathPattern.escaped(entry.path.path))/* for the programs in it" : nil)
    }
    guard file.isExecutable else {
      throw TelosError(
        .refused, "exec.allow: \(path) is not executable",
        hint: "approve the program that reads it instead")
    }
    let program = try program(file)
    if let sign = program.multiCall, !entry.multicall {
      throw TelosError(
        .refused,
        "exec.allow: \(path) is \(file.path), a single binary that contains many programs (\(sign)): approving one approves all",
        hint:
          "approve separate programs, such as those of Debian's coreutils, or approve all of it with multicall: true"
      )
    }
    if let wanted = entry.sha256 { try check(file, path, wanted) }
    if let wanted = entry.fsverity { try checkVerity(file, path, wanted) }
    return ExecCandidate(path: path, entry: entry, file: file, kind: program.kind)
  }

  static func isLoader(_ name: BytePath) -> Bool {
    let name = name.description
    return name.hasPrefix("ld-") && name.contains(".so") || name.hasPrefix("ld.so")
  }
}

/// Content digests, compared once so that a person hears of it; at each start the kernel compares them itself.
extension ExecBuild {
  private func checkVerity(_ file: RootView.Found, _ path: BytePath, _ wanted: Digest)
    throws(TelosError)
  {
    guard readsVerity else {
      throw TelosError(
        .refused,
        "exec.allow: \(path) has an fs-verity digest, and this node's kernel cannot compare those",
        hint: "use Linux 6.9 or later there, or write its sha256")
    }
    guard let digest = try VerityDigest.of(view.hostPath(file.path)) else {
      throw TelosError(
        .refused, "exec.allow: fs-verity is not enabled for \(path)",
        hint: "fsverity enable \(path), on ext4, btrfs or f2fs; or write its sha256")
    }
    guard digest == wanted else {
      throw TelosError(
        .refused,
        "exec.allow: \(path) has the fs-verity digest \(digest), the intent wants \(wanted)",
        hint: "sign the intent with the digest of the intended version")
    }
  }

  private func check(_ file: RootView.Found, _ path: BytePath, _ wanted: Digest) throws(TelosError)
  {
    let content = try DurableFile.read(view.hostPath(file.path), limit: 1 << 30)
    let digest = Digest(of: content)
    guard digest == wanted else {
      throw TelosError(
        .refused,
        "exec.allow: \(path) has the content sha256 \(digest), the intent wants \(wanted)",
        hint: "sign the intent with the digest of the intended version")
    }
  }
}
