internal import TelosAPI

/// What each agent made in the course of a recording, by path.
struct Written: Sendable {
  private var files: [String: PathSet] = [:]
  private var folders: [String: PathSet] = [:]
  private var programs: [String: PathSet] = [:]

  init(_ recording: Recording) {
    for event in recording.events {
      guard let path = event.wholePath else { continue }
      switch event.hook {
      case "path-mkdir": folders[event.agent, default: []].insert(path)
      case "path-mknod", "path-symlink": files[event.agent, default: []].insert(path)
      case "bprm-check": programs[event.agent, default: []].insert(path)
      default: break
      }
    }
  }

  func file(_ event: Event, _ path: String) -> Bool {
    files[event.agent]?.contains(path) == true
  }
  func folder(_ event: Event, _ path: String) -> Bool {
    folders[event.agent]?.contains(path) == true
  }
  /// Whether it was executed as a program or script: what was only opened to run is an ELF interpreter.
  func program(_ event: Event, _ path: String) -> Bool {
    programs[event.agent]?.contains(path) == true
  }
}

extension Event {
  /// The path of its file, where the whole of it is known and an intent can name it. The kernel has room for 255 bytes, and an
  /// intent cannot name what is not UTF-8. Nodes before version 0.2 replaced such bytes: that could be another file's path.
  var wholePath: String? {
    guard let path = file?.path, path.utf8.first == UInt8(ascii: "/"), path.utf8.count < 255,
      file?.pathBytes?.isEmpty ?? true, !path.unicodeScalars.contains("\u{fffd}")
    else { return nil }
    return path
  }

  /// The name of a local socket: its path or `@name`.
  var socketName: String? {
    guard hook == "unix-stream-connect" || hook == "unix-may-send" else { return nil }
    if let path = file?.path, path.utf8.first == UInt8(ascii: "@"), path.utf8.count > 1,
      file?.pathBytes?.isEmpty ?? true, !path.unicodeScalars.contains("\u{fffd}")
    {
      return path
    }
    return wholePath
  }
}
