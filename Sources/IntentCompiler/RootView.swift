internal import Glibc
internal import TelosCore

/// The file system as a process with another root sees it. Links are followed here, by name, so that an absolute one
/// stays inside that root.
struct RootView {
  let root: String
  /// Is told of everything that is looked up and listed.
  var footprint: Footprint?

  init(root: String, footprint: Footprint? = nil) {
    self.root = root
    self.footprint = footprint
  }

  /// An existing file, by its path without links.
  struct Found: Hashable, Sendable {
    var path: BytePath
    var mode: mode_t
    /// In bytes; 0 for directories.
    var size = 0
    /// What ``RootView/resolve(_:)`` saw of it.
    var stamp: FileStamp?

    var isDirectory: Bool { mode & S_IFMT == S_IFDIR }
    var isRegular: Bool { mode & S_IFMT == S_IFREG }
    var isSocket: Bool { mode & S_IFMT == S_IFSOCK }
    var isCharacterDevice: Bool { mode & S_IFMT == S_IFCHR }
    var isExecutable: Bool { mode & 0o111 != 0 }
    var name: BytePath { path.name }
  }

  /// As the kernel's own limit.
  private static let maximumLinks = 40

  func hostPath(_ path: BytePath) -> BytePath {
    path == .root
      ? (root.isEmpty ? .root : BytePath(root)) : BytePath(bytes: root.utf8 + path.bytes)
  }

  /// A path as an intent or a script names it.
  func resolve(_ path: String) throws(TelosError) -> Found? { try resolve(BytePath(path)) }

  /// Follows every link of an absolute path; nil if nothing is there.
  func resolve(_ path: BytePath) throws(TelosError) -> Found? {
    var real: [BytePath] = []
    var pending = Array(path.names.reversed())
    var links = 0
    var status = stat()
    guard Self.follow(hostPath(.root), &status) else {
      throw Self.failure("look at", hostPath(.root))
    }
    footprint?.note(.root, status)
    while let component = pending.popLast() {
      if component == ".." { _ = real.popLast() }
      if component == "." || component == ".." {
        guard Self.look(hostPath(BytePath(names: real)), &status) else { return nil }
        continue
      }
      let candidate = BytePath(names: real + [component])
      guard Self.look(hostPath(candidate), &status) else {
        guard errno == ENOENT || errno == ENOTDIR else {
          footprint?.noteFailure()
          throw Self.failure("look at", candidate)
        }
        footprint?.note(candidate, nil)
        return nil
      }
      footprint?.note(candidate, status)
      guard status.st_mode & S_IFMT == S_IFLNK else {
        real.append(component)
        continue
      }
      links += 1
      guard links <= Self.maximumLinks, let target = Self.readLink(hostPath(candidate)) else {
        throw TelosError(
          .refused,
          "\(path) leads through too many symbolic links, or through one that cannot be read")
      }
      if target.isAbsolute { real = [] }
      pending += target.names.reversed()
    }
    if real.isEmpty, !Self.follow(hostPath(.root), &status) { return nil }
    return Found(
      path: BytePath(names: real), mode: status.st_mode, size: Int(status.st_size),
      stamp: FileStamp(status))
  }

  /// Of a path without links in it, now.
  func stamp(of path: BytePath) -> FileStamp? {
    var status = stat()
    return Self.look(hostPath(path), &status) ? FileStamp(status) : nil
  }

  /// What a name in a directory without links in its path is, links followed; nil if it is gone or cannot be told.
  func entry(_ name: BytePath, in folder: BytePath, kind: UInt8) -> Found? {
    let path = folder.appending(name)
    if kind == DT_DIR { return Found(path: path, mode: S_IFDIR) }
    var status = stat()
    guard Self.look(hostPath(path), &status) else {
      footprint?.note(path, nil)
      return nil
    }
    footprint?.note(path, status)
    guard status.st_mode & S_IFMT != S_IFLNK else { return (try? resolve(path)) ?? nil }
    return Found(
      path: path, mode: status.st_mode, size: Int(status.st_size), stamp: FileStamp(status))
  }

  /// The directory that holds the last component of `path`, and that component.
  func parent(of path: BytePath) throws(TelosError) -> (folder: Found?, name: BytePath) {
    let names = path.names
    let folder = try resolve(BytePath(names: names.dropLast()))
    return (folder.flatMap { $0.isDirectory ? $0 : nil }, path.name)
  }

  /// An entry of a directory; the kind is `DT_UNKNOWN` where the file system does not say.
  struct Name {
    var name: BytePath
    var kind: UInt8
  }

  /// Names in a directory without links in its path, unordered, at most `limit`; nil if it cannot be read.
  func names(in folder: BytePath, limit: Int) -> [Name]? {
    let descriptor = Self.open(hostPath(folder), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
    guard descriptor >= 0 else {
      footprint?.noteFailure()
      return nil
    }
    var status = stat()
    let isKnown = fstat(descriptor, &status) == 0
    guard isKnown, let stream = fdopendir(descriptor) else {
      footprint?.noteFailure()
      close(descriptor)
      return nil
    }
    footprint?.noteWhole(folder, FileStamp(status))
    defer { closedir(stream) }
    var names: [Name] = []
    while names.count < limit, let entry = readdir(stream) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { BytePath(cString: $0) }
      }
      if name != "." && name != ".." { names.append(Name(name: name, kind: entry.pointee.d_type)) }
    }
    return names
  }

  /// The first bytes of a regular file, or all of it if it is no longer than `limit`.
  func head(of found: Found, limit: Int) throws(TelosError) -> [UInt8] {
    let flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC
    let descriptor = Self.open(hostPath(found.path), flags)
    guard descriptor >= 0 else { throw Self.failure("read", found.path) }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      throw TelosError(.refused, "\(found.path) is no longer a regular file")
    }
    var bytes = [UInt8](repeating: 0, count: min(limit, max(Int(status.st_size), 0)))
    var filled = 0
    while filled < bytes.count {
      let count = bytes.withUnsafeMutableBytes { buffer in
        read(descriptor, buffer.baseAddress?.advanced(by: filled), buffer.count - filled)
      }
      if count < 0 && errno == EINTR { continue }
      guard count >= 0 else { throw Self.failure("read", found.path) }
      if count == 0 { break }
      filled += count
    }
    return Array(bytes[..<filled])
  }

  private static func readLink(_ path: BytePath) -> BytePath? {
    var buffer = [UInt8](repeating: 0, count: 4096)
    let count = path.withCString { path in
      buffer.withUnsafeMutableBytes { bytes in
        bytes.withMemoryRebound(to: CChar.self) { text in
          text.baseAddress.map { readlink(path, $0, text.count) } ?? -1
        }
      }
    }
    guard count > 0, count < buffer.count else { return nil }
    return BytePath(bytes: buffer[..<count])
  }

  private static func open(_ path: BytePath, _ flags: Int32) -> Int32 {
    path.withCString { Glibc.open($0, flags) }
  }

  static func failure(_ action: String, _ path: BytePath) -> TelosError {
    TelosError(.refused, "cannot \(action) \(path): \(String(cString: strerror(errno)))")
  }
}

extension RootView {
  /// Like stat(2): whether it is there, links followed.
  fileprivate static func follow(_ path: BytePath, _ status: inout stat) -> Bool {
    path.withCString { stat($0, &status) == 0 }
  }

  /// Like lstat(2).
  fileprivate static func look(_ path: BytePath, _ status: inout stat) -> Bool {
    path.withCString { lstat($0, &status) == 0 }
  }
}
