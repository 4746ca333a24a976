internal import Glibc
internal import TelosCore

/// A footprint in the order in which it is quickest to look at again: folder by folder.
struct FootprintCheck: Sendable {
  private struct Entry: Sendable {
    /// Ends in zero.
    var name: [CChar]
    var seen: Footprint.Seen
  }
  private struct Folder: Sendable {
    /// From the root, without a slash at its beginning; "." for the root itself. Ends in zero.
    var path: [CChar]
    var entries: [Entry]
  }
  private var folders: [Folder] = []

  /// Nil where a change might leave no trace.
  init?(_ footprint: Footprint) {
    guard !footprint.isUncertain else { return nil }
    var byFolder: [[CChar]: [Entry]] = [:]
    for (path, seen) in footprint.names {
      let (folder, name) = Self.split(path.bytes)
      byFolder[folder, default: []].append(Entry(name: name, seen: seen))
    }
    folders = byFolder.map { Folder(path: $0.key, entries: $0.value) }
  }

  /// Whether everything is as it was, seen from this root.
  func holds(root: String) -> Bool {
    let top = open(root.isEmpty ? "/" : root, O_DIRECTORY | O_CLOEXEC)
    guard top >= 0 else { return false }
    defer { close(top) }
    return folders.allSatisfy { folder in
      // Of the folders above, which are noted as well, none was a link.
      let descriptor = openat(top, folder.path, O_DIRECTORY | O_CLOEXEC)
      guard descriptor >= 0 else { return folder.entries.allSatisfy { $0.seen == .absent } }
      defer { close(descriptor) }
      return folder.entries.allSatisfy { Self.isAsIt(was: $0, in: descriptor) }
    }
  }

  private static func isAsIt(was entry: Entry, in folder: Int32) -> Bool {
    var status = stat()
    let code = entry.name.withUnsafeBufferPointer { name in
      name.baseAddress.map { fstatat(folder, $0, &status, AT_SYMLINK_NOFOLLOW) } ?? -1
    }
    switch entry.seen {
    case .absent: return code != 0 && (errno == ENOENT || errno == ENOTDIR)
    case .passed(let stamp): return code == 0 && FileStamp(status).isSameFile(as: stamp)
    case .whole(let stamp): return code == 0 && FileStamp(status) == stamp
    }
  }

  private static func split(_ path: [UInt8]) -> (folder: [CChar], name: [CChar]) {
    let path = path.map(CChar.init(bitPattern:))
    let (slash, here) = (CChar(UInt8(ascii: "/")), [CChar(UInt8(ascii: ".")), 0])
    guard let last = path.lastIndex(of: slash), path.count > 1 else { return (here, here) }
    let folder = path[..<last].drop { $0 == slash }
    return (folder.isEmpty ? here : folder + [0], path[(last + 1)...] + [0])
  }
}
