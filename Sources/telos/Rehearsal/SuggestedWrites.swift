internal import Intents
internal import TelosAPI
internal import TelosCore

extension Suggestion {
  /// Folders that other programs run or trust, in which nothing is granted by a recording alone.
  private static let system = [
    "/bin", "/boot", "/etc", "/lib", "/lib32", "/lib64", "/sbin", "/usr", "/proc", "/sys", "/dev",
  ]

  mutating func takeFile(_ event: Event) {
    if event.reason == "slammed" {
      return refuse(
        event, Self.words(event), "after a slam it writes only where files.whileTainted says so")
    }
    guard event.reason == "write-root" else {
      return refuse(event, Self.words(event), Reason.words(event.reason))
    }
    guard event.hook != "inode-setxattr" else {
      return refuse(event, Self.words(event), "attributes of files that the agent did not write")
    }
    guard let path = event.wholePath else {
      return refuse(event, Self.words(event), "its full path was not recorded")
    }
    if Written.keepsName(event), !written.file(event, path), !written.folder(event, path) {
      if event.hook == "path-chmod" || event.hook == "path-chown" {
        changed.insert(path)
      } else {
        files.insert(path)
      }
    } else {
      folders.insert(standing(PathPattern.folder(of: path)))
    }
  }

  /// The innermost folder around a path that the run did not make itself: an agent starts only where it is there.
  func standing(_ folder: String) -> String {
    var folder = folder
    while folder != "/", isMade(folder) { folder = PathPattern.folder(of: folder) }
    return folder
  }

  /// By `mkdir`, or as cargo does: under another name that is changed when it is ready. A folder that was there and was renamed is
  /// no more certain to be there the next time.
  private func isMade(_ folder: String) -> Bool {
    recording.events.contains {
      ($0.hook == "path-mkdir" || $0.hook == "path-rename")
        && $0.wholePath.map { BytePath($0) } == BytePath(folder)
    }
  }

  private func isFolder(_ path: String) -> Bool {
    recording.events.contains { event in
      event.wholePath.map { PathPattern.isBelow($0, path) } ?? false
    }
  }

  /// Leaves out what nobody should grant unread, and what another entry says already.
  mutating func settleWrites() {
    // An intent cannot name a folder alone: what may be written below it covers its own mode and owner.
    for folder in files.union(changed).sorted() where isFolder(folder) {
      files.remove(folder)
      changed.remove(folder)
      folders.insert(standing(folder))
    }
    for folder in folders.sorted() {
      guard let why = Self.objection(folder) ?? Self.problem("\(PathPattern.escaped(folder))/**")
      else { continue }
      folders.remove(folder)
      refuse("writing below \(folder)", why)
    }
    folders = Self.outermost(folders)
    for path in changed.sorted()
    where !files.contains(path) && !folders.contains(path)
      && !folders.contains(where: { PathPattern.isBelow(path, $0) })
    {
      refuse(
        "changing mode or owner of \(path)", "whether it is a file or a folder was not recorded")
    }
    for file in files.sorted() {
      if folders.contains(where: { PathPattern.isBelow(file, $0) }) {
        files.remove(file)
      } else if let why = Self.objection(file: file) ?? Self.problem(PathPattern.escaped(file)) {
        files.remove(file)
        refuse("writing \(file)", why)
      }
    }
  }

  private static func objection(_ folder: String) -> String? {
    let parts = folder.utf8.split(separator: UInt8(ascii: "/")).count
    if let top = system.first(where: { folder == $0 || PathPattern.isBelow(folder, $0) }) {
      return "\(top) holds files that other programs run or trust"
    }
    if parts == 0 || (parts == 1 && folder != "/tmp") {
      return "a top-level directory is too wide"
    }
    if parts == 2, PathPattern.folder(of: folder) == "/home" {
      return "files in a home directory are run later, outside the agent"
    }
    return nil
  }

  /// A single file is less than its folder, so only where the folder would be dangerous.
  private static func objection(file: String) -> String? {
    let folder = PathPattern.folder(of: file)
    if let top = system.first(where: { PathPattern.isBelow(file, $0) }) {
      return "\(top) holds files that other programs run or trust"
    }
    let isHome = folder == "/root" || PathPattern.folder(of: folder) == "/home"
    return isHome ? "files in a home directory are run later, outside the agent" : nil
  }

  private static func problem(_ text: String) -> String? {
    do {
      _ = try PathPattern(text, use: .write)
      return nil
    } catch {
      return error.message
    }
  }

  /// Without folders that lie in others.
  static func outermost(_ folders: PathSet) -> PathSet {
    PathSet(folders.filter { folder in !folders.contains { PathPattern.isBelow(folder, $0) } })
  }
}
