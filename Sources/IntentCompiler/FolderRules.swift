internal import Intents
internal import Kernel
internal import TelosCore

extension PolicyBuild {
  /// Holds folders that rules depend on where they are: an agent that may write around one could move it away, rules and
  /// all, and let others make a new one under its name, for which no rule stands.
  mutating func addFixed() throws(TelosError) {
    var folders = anchors
    for anchor in anchors {
      var folder = anchor
      while folder != .root, writable.contains(where: { Self.isIn(folder, $0) }) {
        folders.insert(folder)
        folder = folder.folder
      }
    }
    for path in folders.sorted() {
      guard let folder = try view.resolve(path), folder.path == path else {
        throw TelosError(
          .conflict, "\(path) was moved in the meantime", hint: "run the command again")
      }
      try add(folder, as: path, .fixed)
    }
  }

  /// `/dev/shm`, where it is a file system in memory: what an agent makes there is its own alone.
  mutating func addSharedMemory() throws(TelosError) {
    guard let folder = try? view.resolve("/dev/shm"), folder.isDirectory,
      FileSystem.kind(of: view.hostPath(folder.path)) == FileSystem.tmpfs
    else { return }
    try add(folder, as: "/dev/shm", .memory)
  }
}

/// What kind of file system a path lies on.
enum FileSystem {
  /// `TMPFS_MAGIC`, linux/magic.h.
  static let tmpfs = 0x0102_1994

  static func kind(of path: BytePath) -> Int? {
    // `struct statfs` begins with it on all 64-bit machines, and has 120 bytes.
    withUnsafeTemporaryAllocation(of: Int.self, capacity: 32) { words in
      guard let base = words.baseAddress,
        path.withCString({ systemStatus($0, base) }) == 0
      else { return nil }
      return words[0]
    }
  }
}

// The module Glibc leaves <sys/statfs.h> out.
@_silgen_name("statfs")
private func systemStatus(_ path: UnsafePointer<CChar>, _ status: UnsafeMutableRawPointer) -> Int32
