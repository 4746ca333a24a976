internal import FoundationEssentials
internal import TelosCore
internal import Trust

/// `online.json`, which `telos-coordinator init` writes: its authorities and its public keys by role.
struct OnlineKeys: Codable, Sendable {
  struct Key: Codable, Sendable {
    var keyid: String
    var `public`: String
  }
  var authorities: [String]
  var keys: [String: Key]

  static func read(_ path: String) throws(TelosError) -> OnlineKeys {
    let bytes = try InputFile.read(path, limit: 1 << 20)
    return try JSONInput.decode(OnlineKeys.self, from: bytes, what: path)
  }

  /// The keys of each online role and the authorities of several coordinators, in the order of their files, each once.
  static func together(_ paths: [String]) throws(TelosError) -> (
    keys: [Role: [PublicKey]], authorities: [String]
  ) {
    var keys: [Role: [PublicKey]] = [:]
    var authorities: [String] = []
    for path in paths {
      let online = try read(path)
      for (role, key) in try online.byRole()
      where keys[role]?.contains(where: { $0.id == key.id }) != true {
        keys[role, default: []].append(key)
      }
      for authority in online.authorities where !authorities.contains(authority) {
        authorities.append(authority)
      }
    }
    return (keys, authorities)
  }

  /// The keys of the online roles; an operator's role among them, or a missing one, is an error.
  func byRole() throws(TelosError) -> [Role: PublicKey] {
    var found: [Role: PublicKey] = [:]
    for (name, entry) in keys {
      guard let role = Role(rawValue: name), role.isOnline else {
        throw TelosError(
          .refused, "the coordinator asks for the role “\(name.printable)”, which is not its own")
      }
      guard let raw = Data(base64Encoded: entry.public), let key = PublicKey(raw: raw),
        key.id.description == entry.keyid
      else {
        throw TelosError(.invalidArgument, "the coordinator's \(name) key is not an Ed25519 key")
      }
      found[role] = key
    }
    for role in Role.allCases where role.isOnline && found[role] == nil {
      throw TelosError(
        .invalidArgument, "the coordinator's key for \(role.rawValue) is missing",
        hint: "copy online.json from `telos-coordinator init` again")
    }
    return found
  }
}
