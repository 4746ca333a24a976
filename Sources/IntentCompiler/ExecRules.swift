internal import Intents
internal import Kernel
internal import TelosCore

/// A program that an entry of `exec.allow` means, looked at but not yet judged.
private struct Candidate {
  var path: String
  var entry: Intent.Executable
  var file: RootView.Found
  var kind: ProgramKind
}

extension PolicyBuild {
  mutating func addExecutables(_ exec: Intent.Exec) throws(TelosError) {
    var candidates: [Candidate] = []
    for entry in exec.allow { candidates += try candidatesOf(entry) }
    let approved = Approved(candidates)
    for candidate in candidates {
      if case .script(let interpreter, let argument) = candidate.kind,
        let missing = try approved.missing(interpreter, argument, view)
      {
        guard candidate.entry.path.isGlob else {
          throw TelosError(
            .refused, "\(candidate.path) is a script that \(missing) runs, which is not approved",
            hint: "add {path: \(missing)} to exec.allow too")
        }
        notes.append(
          "\(candidate.path) is left out: it is a script, and \(missing) is not approved")
        continue
      }
      try admit(candidate)
    }
    try refuseLoaders(candidates)
  }

  private mutating func admit(_ candidate: Candidate) throws(TelosError) {
    var flags: RuleFlags = .exec
    if candidate.entry.sha256 != nil { flags = [.exec, .hash] }
    if candidate.entry.fsverity != nil { flags = [.exec, .hash, .verity] }
    try add(
      candidate.file, as: candidate.path, flags,
      sha256: candidate.entry.sha256 ?? candidate.entry.fsverity)
    guard case .elf(let interpreter?) = candidate.kind else { return }
    guard let loader = try view.resolve(interpreter), loader.isRegular else {
      throw TelosError(
        .refused, "\(candidate.path) needs the ELF interpreter \(interpreter), which is not there",
        hint: "install it, or take \(candidate.path) out of exec.allow")
    }
    try add(loader, as: interpreter, .interpreter)
  }

  /// A dynamic loader as a program runs any other program.
  private mutating func refuseLoaders(_ candidates: [Candidate]) throws(TelosError) {
    for candidate in candidates where !candidate.entry.path.isGlob {
      guard
        rules.flags(of: try identities(candidate.file)).contains(.interpreter)
          || Self.isLoader(candidate.file.name)
      else { continue }
      throw TelosError(
        .refused, "\(candidate.path) is an ELF interpreter: approved, it could run any program",
        hint: "approve the programs themselves; their ELF interpreter then needs no entry")
    }
  }

  private static func isLoader(_ name: String) -> Bool {
    name.hasPrefix("ld-") && name.contains(".so") || name.hasPrefix("ld.so")
  }

  private mutating func candidatesOf(_ entry: Intent.Executable) throws(TelosError) -> [Candidate] {
    let pattern = entry.path.description
    guard entry.path.isGlob else { return [try literal(entry)] }
    var result: [Candidate] = []
    for path in try view.glob(pattern) {
      guard let file = try view.resolve(path), file.isRegular, file.isExecutable else { continue }
      let program = try program(file)
      if program.multiCall != nil, !entry.multicall {
        notes.append("\(path) is left out: \(file.path) is many programs in one")
      } else if Self.isLoader(file.name) {
        notes.append("\(path) is left out: it is an ELF interpreter")
      } else {
        result.append(
          Candidate(path: path, entry: entry, file: file, kind: program.kind))
      }
    }
    guard !result.isEmpty else {
      throw TelosError(
        .notFound, "exec.allow: \(pattern) matches no program on this node",
        hint: "install what it means, or take the entry out")
    }
    return result
  }

  private mutating func literal(_ entry: Intent.Executable) throws(TelosError) -> Candidate {
    let path = entry.path.description
    guard let file = try view.resolve(path) else {
      throw TelosError(
        .notFound, "exec.allow: \(path) is not there on this node",
        hint: "install it, or take the entry out")
    }
    guard file.isRegular else {
      throw TelosError(
        .refused, "exec.allow: \(path) is not a regular file",
        hint: file.isDirectory ? "write \(path)/* for the programs in it" : nil)
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
        "exec.allow: \(path) is \(file.path), one binary that is many programs (\(sign)): approving one approves all",
        hint:
          "approve single programs, such as those of Debian's coreutils, or all of it with multicall: true"
      )
    }
    if let wanted = entry.sha256 { try check(file, path, wanted) }
    if let wanted = entry.fsverity { try checkVerity(file, path, wanted) }
    return Candidate(path: path, entry: entry, file: file, kind: program.kind)
  }

  private func checkVerity(_ file: RootView.Found, _ path: String, _ wanted: Digest)
    throws(TelosError)
  {
    guard context.readsVerity else {
      throw TelosError(
        .refused,
        "exec.allow: \(path) has an fs-verity digest, and this node's kernel cannot compare those",
        hint: "use Linux 6.9 or later there, or write its sha256")
    }
    guard let digest = try VerityDigest.of(view.hostPath(file.path)) else {
      throw TelosError(
        .refused, "exec.allow: fs-verity is not on for \(path)",
        hint: "fsverity enable \(path), on ext4, btrfs or f2fs; or write its sha256")
    }
    guard digest == wanted else {
      throw TelosError(
        .refused,
        "exec.allow: \(path) has the fs-verity digest \(digest), the intent wants \(wanted)",
        hint: "sign the intent with the digest of the version that is meant")
    }
  }

  private func check(_ file: RootView.Found, _ path: String, _ wanted: Digest) throws(TelosError) {
    let content = try DurableFile.read(view.hostPath(file.path), limit: 1 << 30)
    let digest = Digest(of: content)
    guard digest == wanted else {
      throw TelosError(
        .refused,
        "exec.allow: \(path) has the content sha256 \(digest), the intent wants \(wanted)",
        hint: "sign the intent with the digest of the version that is meant")
    }
  }
}

/// What exec.allow approves, to look interpreters of scripts up in.
private struct Approved {
  private let files: Set<String>
  private let names: Set<String>

  init(_ candidates: [Candidate]) {
    files = Set(candidates.map(\.file.path))
    names = Set(
      candidates.flatMap {
        [$0.path.split(separator: "/").last.map(String.init) ?? "", $0.file.name]
      })
  }

  /// The interpreter that a script needs and the intent does not approve; nil if there is none.
  func missing(_ interpreter: String, _ argument: String, _ view: RootView) throws(TelosError)
    -> String?
  {
    guard let file = try view.resolve(interpreter), files.contains(file.path) else {
      return interpreter
    }
    guard file.name == "env" else { return nil }
    // `env X` looks X up in PATH: some approved program has to have that name.
    let words = argument.split(whereSeparator: { $0 == " " || $0 == "\t" })
    let program = words.first { !$0.hasPrefix("-") && !$0.contains("=") }
    guard let program else { return "what env runs (\(argument))" }
    if program.contains("/") { return try missing(String(program), "", view) }
    return names.contains(String(program)) ? nil : "/usr/bin/\(program)"
  }
}
