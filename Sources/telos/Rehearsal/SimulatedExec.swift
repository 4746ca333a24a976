internal import Intents
internal import TelosAPI
internal import TelosCore

extension Simulation {
  func judgeExec(_ event: Event) -> Judgement? {
    switch event.reason {
    case "anonymous" where !Suggestion.isMemory(event):
      return .denied("anonymous", "a file without a name, or of somebody's own mount, is never run")
    case "anonymous":
      return intent.exec.jit
        ? .allowed("exec.jit", nil)
        : .denied("anonymous", "no entry approves code in memory; exec.jit would")
    case "interpreter": return .denied("interpreter", "run the program itself")
    default: break
    }
    guard let path = event.wholePath else {
      return .unknown("the full path was not recorded")
    }
    switch event.hook {
    case "mmap-file", "file-mprotect": return judgeMapping(event, path)
    case "file-open" where written.program(event, path): return nil  // comes again as an execution
    case "file-open" where event.reason != "agent-wrote":
      return .allowed(nil, "as the ELF interpreter of a program that is approved")
    default: return judgeProgram(event, path)
    }
  }

  private func judgeProgram(_ event: Event, _ path: String) -> Judgement {
    if event.reason == "agent-wrote" || written.file(event, path) { return judgeOwn(path) }
    guard let index = intent.exec.allow.firstIndex(where: { $0.path.matches(path) }) else {
      // What an intent says may run and wrote itself was run without a word.
      if event.eventKind == .exec, let own = own(path) {
        return .allowed(own, "if the agent wrote it")
      }
      return .denied("not-approved", doubt)
    }
    let rule = "exec.allow[\(index)]: \(intent.exec.allow[index].path)"
    if let digest = intent.exec.allow[index].sha256 {
      return .unknown("\(rule) wants the content sha256:\("\(digest)".prefix(12))…")
    }
    if let digest = intent.exec.allow[index].fsverity {
      return .unknown("\(rule) wants the fs-verity digest \("\(digest)".prefix(12))…")
    }
    return .allowed(rule)
  }

  /// A library or program that the agent wrote.
  private func judgeOwn(_ path: String) -> Judgement {
    own(path).map { .allowed($0) } ?? .denied("agent-wrote", "exec.own does not name its folder")
  }

  private func judgeMapping(_ event: Event, _ path: String) -> Judgement {
    if let own = own(path) { return .allowed(own) }
    if written.file(event, path) || event.reason != "agent-wrote" {
      return .denied("agent-wrote", "exec.own does not name its folder")
    }
    if let index = intent.exec.allow.firstIndex(where: { $0.path.matches(path) }) {
      return .allowed(
        "exec.allow[\(index)]: \(intent.exec.allow[index].path)", "unless an agent wrote it")
    }
    return .unknown("whether an agent wrote it, or only might have, was not recorded")
  }

  private func own(_ path: String) -> String? {
    intent.exec.own.firstIndex { $0.matches(path) }.map {
      "exec.own[\($0)]: \(intent.exec.own[$0])"
    }
  }

  /// Entries that name nothing in the recording may be links to what it names.
  private var doubt: String? {
    let paths = PathSet(
      recording.events.filter { $0.gate == Gate.exec.rawValue }.compactMap(\.wholePath))
    let links = intent.exec.allow.filter { entry in !paths.contains { entry.path.matches($0) } }
      .map { "\($0.path)" }
    guard !links.isEmpty else { return nil }
    let shown = links.prefix(3).joined(separator: ", ")
    return "unless a link leads there: \(shown)\(links.count > 3 ? ", …" : "")"
  }
}
