internal import Intents
internal import Kernel
internal import Synchronization
internal import TelosCore

/// What was found out about a node's files, for the next agent: as long as lstat(2) says that nothing changed, nothing is
/// listed, read or asked again.
///
/// One for each node, given to every ``CompileContext``. What is remembered is small: some hundred bytes a file.
public final class CompileMemory: Sendable {
  /// What was looked for, in bytes: texts that read the same can be two names. Mounts differ between name spaces; each name
  /// is looked up again in any case.
  struct Key: Hashable {
    private var words: [[UInt8]]

    init(_ exec: Intent.Exec, readsVerity: Bool, place: String) {
      words = ["exec", "\(readsVerity)", place].map { Array($0.utf8) }
      for one in exec.allow {
        words.append(Array(one.path.description.utf8))
        words.append([one.multicall ? 1 : 0, one.optional ? 1 : 0])
        words.append(one.sha256.map { Array($0.bytes) } ?? [])
        words.append(one.fsverity.map { Array($0.bytes) } ?? [])
      }
    }

    init(_ walk: SensitiveWalk, place: String) {
      words = ["walk", place].map { Array($0.utf8) } + [walk.anchor.bytes]
      for pattern in walk.patterns {
        words.append(Array("\(pattern.match) \(pattern.deep) \(pattern.flags.rawValue)".utf8))
      }
    }
  }
  enum Found: Sendable {
    case exec(ExecRules)
    case walk(SensitiveWalk.Findings)
  }
  private struct Entry {
    var found: Found
    var check: FootprintCheck
    var used: UInt64
  }
  private struct Known {
    var program: Program?
    var identities: [FileIdentity]?
  }
  private struct State {
    var entries: [Key: Entry] = [:]
    var files: [FileStamp: Known] = [:]
    var uses: UInt64 = 0
  }
  private let state = Mutex(State())

  private static let maximumEntries = 128
  private static let maximumFiles = 32_768

  public init() {}

  /// Nil where nothing is known, or something changed since.
  func recall(_ key: Key, root: String) -> Found? {
    guard let entry = state.withLock({ $0.entries[key] }), entry.check.holds(root: root) else {
      return nil
    }
    state.withLock { state in
      state.uses += 1
      state.entries[key]?.used = state.uses
    }
    return entry.found
  }

  func remember(_ found: Found, _ footprint: Footprint, _ key: Key) {
    guard let check = FootprintCheck(footprint) else { return }
    state.withLock { state in
      state.uses += 1
      state.entries[key] = Entry(found: found, check: check, used: state.uses)
      guard state.entries.count > Self.maximumEntries,
        let oldest = state.entries.min(by: { $0.value.used < $1.value.used })
      else { return }
      state.entries[oldest.key] = nil
    }
  }

  func program(_ stamp: FileStamp?) -> Program? {
    stamp.flatMap { stamp in state.withLock { $0.files[stamp]?.program } }
  }

  func remember(_ program: Program, of file: RootView.Found, in view: RootView) {
    change(file, view) { $0.program = program }
  }

  /// Of a file that the view resolved just now, from memory if there is one and it knows the file.
  static func identities(
    of file: RootView.Found, in view: RootView, _ memory: CompileMemory?,
    _ resolver: any FileResolver
  ) throws(TelosError) -> [FileIdentity] {
    if let memory, let stamp = file.stamp,
      let known = memory.state.withLock({ $0.files[stamp]?.identities })
    {
      return known
    }
    let identities = try resolver.identities(of: view.hostPath(file.path))
    guard !identities.isEmpty else {
      throw TelosError(.kernel, "\(file.path) has no identity that the kernel knows")
    }
    memory?.change(file, view) { $0.identities = identities }
    return identities
  }

  /// Only of a file that is still the one that was looked at before.
  private func change(
    _ file: RootView.Found, _ view: RootView, _ body: (inout Known) -> Void
  ) {
    guard let stamp = file.stamp, !stamp.isFresh(at: FileStamp.now),
      view.stamp(of: file.path) == stamp
    else { return }
    state.withLock { state in
      if state.files.count >= Self.maximumFiles { state.files = [:] }
      body(&state.files[stamp, default: Known()])
    }
  }
}
