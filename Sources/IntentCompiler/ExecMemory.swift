internal import Intents
internal import Kernel
internal import Synchronization
internal import TelosCore

/// What was found out about programs, for the next agent: as long as lstat(2) says that nothing changed, nothing is read
/// or asked again.
///
/// One for each node, given to every ``CompileContext``. What is remembered is small: about 400 bytes a program.
public final class ExecMemory: Sendable {
  /// An intent's list in one root. Mounts differ between name spaces; each name is looked up again in any case.
  struct Key: Hashable {
    var exec: Intent.Exec
    var readsVerity: Bool
    var place: String
  }
  private struct Entry {
    var rules: ExecRules
    var check: FootprintCheck
    var used: UInt64
  }
  private struct Known {
    var program: Program?
    var identities: [FileIdentity]?
  }
  private struct State {
    var lists: [Key: Entry] = [:]
    var files: [FileStamp: Known] = [:]
    var uses: UInt64 = 0
  }
  private let state = Mutex(State())

  private static let maximumLists = 32
  private static let maximumFiles = 32_768

  public init() {}

  func rules(_ key: Key, root: String) -> ExecRules? {
    guard let entry = state.withLock({ $0.lists[key] }), entry.check.holds(root: root) else {
      return nil
    }
    state.withLock { state in
      state.uses += 1
      state.lists[key]?.used = state.uses
    }
    return entry.rules
  }

  func remember(_ rules: ExecRules, _ footprint: Footprint, _ key: Key) {
    guard let check = FootprintCheck(footprint) else { return }
    state.withLock { state in
      state.uses += 1
      state.lists[key] = Entry(rules: rules, check: check, used: state.uses)
      guard state.lists.count > Self.maximumLists,
        let oldest = state.lists.min(by: { $0.value.used < $1.value.used })
      else { return }
      state.lists[oldest.key] = nil
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
    of file: RootView.Found, in view: RootView, _ memory: ExecMemory?, _ resolver: any FileResolver
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
