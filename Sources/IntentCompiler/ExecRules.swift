internal import Intents
internal import Kernel
internal import TelosCore

/// What `exec.allow` means in one root.
struct ExecRules: Sendable {
  var rules = RuleTable()
  var notes: [String] = []
}

/// The rules of `exec.allow` while they are made.
struct ExecBuild {
  let view: RootView
  let readsVerity: Bool
  let resolver: any FileResolver
  let memory: CompileMemory?
  var rules = RuleTable()
  var notes: [String] = []

  init(_ context: CompileContext, _ footprint: Footprint?) {
    view = RootView(root: context.root, footprint: footprint)
    readsVerity = context.readsVerity
    resolver = context.resolver
    memory = context.memory
  }

  mutating func build(_ exec: Intent.Exec) throws(TelosError) -> ExecRules {
    var candidates: [ExecCandidate] = []
    for entry in exec.allow { candidates += try self.candidates(of: entry) }
    let approved = Approved(candidates)
    var isEmpty = true
    for candidate in candidates {
      do throws(TelosError) {
        try requireInterpreter(of: candidate, approved)
        try admit(candidate)
        isEmpty = false
      } catch {
        guard candidate.mayBeMissing, error.code != .kernel else { throw error }
        // An optional program that could run, were the intent complete, is a mistake of the intent.
        guard candidate.entry.path.isGlob || error.code == .notFound else { throw error }
        notes.append("\(candidate.path) is left out: \(error.message)")
      }
    }
    guard !isEmpty else {
      throw TelosError(
        .notFound, "exec.allow matches no program on this node: \(notes.joined(separator: "; "))",
        hint: "install one of them, or name a program that exists")
    }
    try refuseLoaders(candidates)
    return ExecRules(rules: rules, notes: notes)
  }

  private func requireInterpreter(of candidate: ExecCandidate, _ approved: Approved)
    throws(TelosError)
  {
    guard case .script(let interpreter, let argument) = candidate.kind,
      let missing = try approved.missing(interpreter, argument, view)
    else { return }
    let isThere = missing.isAbsolute ? try view.resolve(missing) != nil : true
    throw TelosError(
      isThere ? .refused : .notFound,
      "\(candidate.path) is a script for \(missing), which is not "
        + (isThere ? "approved" : "there"),
      hint: "add {path: \(missing)} to exec.allow too")
  }

  private mutating func admit(_ candidate: ExecCandidate) throws(TelosError) {
    var loader: (file: RootView.Found, path: BytePath)?
    if case .elf(let interpreter?) = candidate.kind {
      guard let found = try view.resolve(interpreter), found.isRegular else {
        throw TelosError(
          .notFound,
          "\(candidate.path) needs the ELF interpreter \(interpreter), which does not exist",
          hint: "install it, or remove \(candidate.path) from exec.allow")
      }
      loader = (found, interpreter)
    }
    var flags: RuleFlags = .exec
    if candidate.entry.sha256 != nil { flags = [.exec, .hash] }
    if candidate.entry.fsverity != nil { flags = [.exec, .hash, .verity] }
    try add(
      candidate.file, as: candidate.path, flags,
      sha256: candidate.entry.sha256 ?? candidate.entry.fsverity)
    if let loader { try add(loader.file, as: loader.path, .interpreter) }
  }

  private mutating func add(
    _ file: RootView.Found, as path: BytePath, _ flags: RuleFlags, sha256: Digest? = nil
  ) throws(TelosError) {
    try rules.add(
      FileRule(
        path: path.description, identities: try identities(file), flags: flags, sha256: sha256))
  }

  /// A dynamic loader as a program runs any other program.
  private func refuseLoaders(_ candidates: [ExecCandidate]) throws(TelosError) {
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

  private func identities(_ file: RootView.Found) throws(TelosError) -> [FileIdentity] {
    try CompileMemory.identities(of: file, in: view, memory, resolver)
  }

  func program(_ file: RootView.Found) throws(TelosError) -> Program {
    if let known = memory?.program(file.stamp) { return known }
    let program = try Program(file, view)
    memory?.remember(program, of: file, in: view)
    return program
  }
}

/// What exec.allow approves, to look interpreters of scripts up in.
private struct Approved {
  private let files: Set<BytePath>
  private let names: Set<BytePath>

  init(_ candidates: [ExecCandidate]) {
    files = Set(candidates.map(\.file.path))
    names = Set(candidates.flatMap { [$0.path.name, $0.file.name] })
  }

  /// The interpreter that a script needs and the intent does not approve; nil if there is none.
  func missing(_ interpreter: BytePath, _ argument: BytePath, _ view: RootView) throws(TelosError)
    -> BytePath?
  {
    guard let file = try view.resolve(interpreter), files.contains(file.path) else {
      return interpreter
    }
    guard file.name == "env" else { return nil }
    // `env X` looks X up in PATH: some approved program has to have that name.
    let words = argument.bytes.split { $0 == 0x20 || $0 == 0x09 }
    let program = words.first { $0.first != UInt8(ascii: "-") && !$0.contains(UInt8(ascii: "=")) }
      .map { BytePath(bytes: $0) }
    guard let program else { return BytePath("what env runs (\(argument))") }
    if program.bytes.contains(UInt8(ascii: "/")) { return try missing(program, "", view) }
    return names.contains(program) ? nil : BytePath("/usr/bin").appending(program)
  }
}
