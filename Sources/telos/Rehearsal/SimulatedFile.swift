internal import Intents
internal import TelosAPI

extension Simulation {
  func judgeFile(_ event: Event) -> Judgement? {
    switch event.reason {
    case "slammed":
      return isSlammed(event)
        ? judgeTainted(event)
        : .allowed(nil, "nothing that was recorded would have slammed it")
    case "stdio":
      return intent.stdio == .allow || (intent.stdio == .untilTaint && !isSlammed(event))
        ? .allowed("stdio: \(intent.stdio.rawValue)")
        : .denied("stdio", rule: "stdio: \(intent.stdio.rawValue)")
    case "ipc", "unmanaged-peer": return .denied(event.reason, "no entry allows this")
    default: break
    }
    guard let path = event.wholePath else {
      return .unknown("the full path was not recorded")
    }
    if event.reason == "file",
      let index = intent.files.sensitive.firstIndex(where: { $0.path.matches(path) })
    {
      return .denied(
        "file", "a sensitive file may not be renamed or removed",
        rule: "files.sensitive[\(index)]: \(intent.files.sensitive[index].path)")
    }
    return judgeWrite(event, path)
  }

  /// A write after the slam.
  private func judgeTainted(_ event: Event) -> Judgement {
    switch intent.files.whileTainted {
    case .none: return .denied("slammed")
    case .all: return .allowed("files.whileTainted: all")
    case .roots(let roots):
      guard let path = event.wholePath else {
        return .unknown("the full path was not recorded")
      }
      guard let index = roots.firstIndex(where: { $0.matches(path) }) else {
        return .denied("slammed", "files.whileTainted does not name it")
      }
      return .allowed("files.whileTainted[\(index)]: \(roots[index])")
    }
  }

  private func judgeWrite(_ event: Event, _ path: String) -> Judgement {
    if event.hook == "inode-setxattr" {
      return .denied(
        "write-root", "attributes of files that the agent did not write may not be changed")
    }
    if event.hook == "file-open",
      let index = intent.exec.allow.firstIndex(where: { $0.path.matches(path) })
    {
      return .denied(
        "approved-file", rule: "exec.allow[\(index)]: \(intent.exec.allow[index].path)")
    }
    guard let roots = intent.files.write else {
      return .unknown("files.write is absent: it depends on the working directory and TMPDIR")
    }
    if let index = roots.firstIndex(where: { root in
      root.form == .literal ? isLiteral(root, event, path) : isBelow(root, event, path)
    }) {
      return .allowed("files.write[\(index)]: \(roots[index])")
    }
    return .denied(
      event.reason == "device" ? "device" : "write-root", "no entry of files.write names it")
  }

  /// A single file has to be there when the agent starts, and its name stays.
  private func isLiteral(_ root: PathPattern, _ event: Event, _ path: String) -> Bool {
    Written.keepsName(event) && root.matches(path) && !written.file(event, path)
  }

  private func isBelow(_ root: PathPattern, _ event: Event, _ path: String) -> Bool {
    root.matches(path)
      || (event.hook == "path-chmod" || event.hook == "path-chown")
        && root.anchor.utf8.elementsEqual(path.utf8)
  }
}

extension Written {
  /// Whether it happened to a file itself, not to a name in its folder.
  static func keepsName(_ event: Event) -> Bool {
    ["file-open", "path-truncate", "path-chmod", "path-chown"].contains(event.hook)
  }
}
