internal import FoundationEssentials
internal import Kernel
internal import Logging
internal import TelosCore

/// What the node remembers of files that agents wrote: in the kernel's map, and in the database for the next boot. What is
/// gone is forgotten in both: the kernel sees to deletions while the gates stand, this to those that it did not see.
struct FileMemory: Sendable {
  var database: NodeDatabase
  var slams: SlamRecords
  var log: Logger
  private var stored: [FileIdentity: FileProvenance] = [:]
  private var devices: Set<UInt32> = []
  private var schedule = FileSchedule()
  /// Which of the stored files are looked for next.
  private var waiting: ArraySlice<FileIdentity> = []

  init(_ database: NodeDatabase, _ slams: SlamRecords, _ log: Logger) {
    (self.database, self.slams, self.log) = (database, slams, log)
  }

  /// How many files are looked for in a second.
  static let slice = 500
  /// How long a start may wait for the disk; what was not looked at by then is looked at later.
  static let patience: UInt64 = 5_000_000_000

  /// What is stored, without what is gone: before any agent starts. The kernel calls slams of the log by
  /// ``SlamRecords/stored`` and their sequence.
  func atStart(boot: String, epoch: UInt64) async throws(TelosError) -> [FileProvenance] {
    try await database.keepSlams(ofEpoch: epoch)
    let lost = try await database.forgetMemory(before: boot)
    let files = try await database.provenance()
    let gone = try await blocking { () throws(TelosError) in
      Set(GoneFiles().among(files.lazy.map(\.file), until: BootClock.now + Self.patience))
    }
    try await database.storeProvenance([], removed: Array(gone))
    if lost + gone.count > 0 {
      log.info(
        "files that agents wrote are gone",
        metadata: ["gone": "\(lost + gone.count)", "known": "\(files.count - gone.count)"])
    }
    return files.filter { !gone.contains($0.file) }.map { file in
      var file = file
      if file.slam != 0 { file.slam |= SlamRecords.stored }
      return file
    }
  }

  /// Takes up what the database holds; before the first ``store(_:_:)``.
  mutating func load() async {
    for file in (try? await database.provenance()) ?? [] { stored[file.file] = file }
  }

  /// Brings the database up to what the kernel holds, where that is due.
  mutating func store(_ table: AgentTable, _ occasion: FileSchedule.Occasion) async {
    let start = BootClock.now
    guard schedule.isDue(occasion, at: start) else { return }
    do throws(TelosError) {
      let slams = slams
      let files = try await blocking { () throws(TelosError) in
        try table.provenance().map { file in
          var file = file
          if file.slam != 0 { file.slam = slams.sequence(of: file.slam) }
          return file
        }
      }
      let changed = files.filter { stored[$0.file] != $0 }
      for file in changed { stored[file.file] = file }
      var removed: [FileIdentity] = []
      if stored.count > files.count {
        let present = Set(files.map(\.file))
        removed = stored.keys.filter { !present.contains($0) }
        for file in removed { stored[file] = nil }
      }
      if !changed.isEmpty || !removed.isEmpty {
        try await note(changed)
        try await database.storeProvenance(changed, removed: removed)
      }
    } catch {
      log.error("cannot store the provenance of files", metadata: ["error": "\(error)"])
      stored = [:]
      await load()
    }
    schedule.wasRead(occasion, from: start, to: BootClock.now)
  }

  /// Looks for a slice of the stored files on their file systems, and drops those that are gone.
  mutating func forgetGone(_ table: AgentTable) async {
    if waiting.isEmpty { waiting = Array(stored.keys)[...] }
    let slice = Array(waiting.prefix(Self.slice))
    waiting = waiting.dropFirst(Self.slice)
    guard !slice.isEmpty else { return }
    do throws(TelosError) {
      let count = try await blocking { () throws(TelosError) in
        try table.forget(GoneFiles().among(slice, until: BootClock.now + 1_000_000_000))
      }
      if count > 0 { log.debug("files that agents wrote are gone", metadata: ["gone": "\(count)"]) }
    } catch { log.error("cannot forget deleted files", metadata: ["error": "\(error)"]) }
  }

  /// Devices that are new, if they end with the machine.
  private mutating func note(_ files: [FileProvenance]) async throws(TelosError) {
    let new = Set(files.map(\.file.device)).subtracting(devices)
    guard !new.isEmpty else { return }
    try await database.noteInMemory(
      MountTable().inMemory.intersection(new), boot: Machine.current.bootID)
    devices.formUnion(new)
  }
}
