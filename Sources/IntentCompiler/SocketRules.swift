internal import Intents
internal import Kernel
internal import TelosCore

extension PolicyBuild {
  /// Names a socket by its directory's rule, so that one made later counts, and by itself if it is there.
  mutating func addSocket(_ name: UnixName) throws(TelosError) {
    switch name {
    case .abstract(let text):
      abstractSockets.append(text)
    case .path(let text):
      let path = BytePath(text)
      let (parent, name) = try view.parent(of: path)
      guard let parent else { throw Self.noFolder(path, "unix.allow") }
      let tail = TailRule(flags: .unix, match: .name(name), deep: false)
      try add(parent, as: parent.path, [], tails: [tail])
      guard let file = try view.resolve(path) else { return }
      guard file.isSocket else {
        throw TelosError(
          .refused, "unix.allow: \(path) is not a socket",
          hint: "write the path of the socket itself")
      }
      guard file.path == parent.path.appending(name) else {
        // Through a link: the kernel sees the socket's own name.
        let real = try view.parent(of: file.path)
        guard let folder = real.folder else { return }
        let tail = TailRule(flags: .unix, match: .name(real.name), deep: false)
        return try add(folder, as: folder.path, [], tails: [tail])
      }
    }
  }
}
