internal import AddressSets
internal import Intents
internal import TelosCore

/// A permitted name's address that is known without an answer.
struct KnownHost: Hashable {
  var address: IPAddress
  var openings: [NameOpening]
}

extension PolicyBuild {
  private static let hostsFile = "/etc/hosts"
  /// In bytes; more is somebody's list of what to block.
  private static let maximumSize = 1 << 20
  private static let maximumHosts = 1024

  /// What the root's `/etc/hosts` says of permitted names. Programs read it before they ask anybody, so that no answer
  /// would open these addresses.
  mutating func knownHosts(_ intent: Intent) throws(TelosError) -> [KnownHost] {
    guard intent.network.allow.contains(where: { $0.host != nil }),
      let file = try view.resolve(Self.hostsFile), file.isRegular
    else { return [] }
    func note(_ text: String) { notes.append("\(Self.hostsFile): \(text)") }
    guard try !isWritable(file, intent.files) else {
      note("no name of it is opened: the agent may write it")
      return []
    }
    guard file.size <= Self.maximumSize else {
      note("no name of it is opened: it is larger than \(Self.maximumSize) bytes")
      return []
    }
    let policy = NamePolicy(intent.network)
    var known: [KnownHost] = []
    for entry in HostsFile(try view.head(of: file, limit: Self.maximumSize)).entries {
      guard let rule = policy.rule(for: entry.name) else { continue }
      switch policy.judge(entry.address, of: rule) {
      case .handedOut(let openings):
        guard known.count < Self.maximumHosts else {
          note("only the first \(Self.maximumHosts) names that the intent permits are opened")
          return known
        }
        if !openings.isEmpty { known.append(KnownHost(address: entry.address, openings: openings)) }
      case .leftOut(let reason): note(reason.text(entry.address, of: entry.name))
      }
    }
    return known
  }

  /// Then an agent could open any address to the next one.
  private func isWritable(_ file: RootView.Found, _ files: Intent.Files) throws(TelosError) -> Bool
  {
    // The name may be a link, which is replaced where it stands.
    let places = [file.path, try view.parent(of: BytePath(Self.hostsFile)).folder?.path]
    for place in places.compactMap(\.self) where writable.contains(where: { Self.isIn(place, $0) })
    {
      return true
    }
    for root in files.write ?? [] where root.form == .literal {
      if try view.resolve(root.anchor)?.path == file.path { return true }
    }
    return false
  }
}
