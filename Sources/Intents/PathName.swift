internal import TelosCore

/// One name of a path as an intent writes it: a backslash takes the meaning of a wildcard away from what follows it.
struct PathName: Sendable, Hashable {
  /// As written.
  let text: String
  /// Without its backslashes: what the name is, where it has no wildcard.
  let plain: String
  /// What stands between its wildcards `*`, without backslashes; one more than there are wildcards.
  let parts: [String]
  /// Which of `?[]{}` it uses as more than themselves.
  let others: Set<UInt8>

  /// What means more than itself in some path of an intent, and can therefore be escaped.
  static let special = "*?[]{}\\"

  var hasWildcard: Bool { parts.count > 1 || !others.isEmpty }

  /// - Parameter path: the whole path, for messages.
  init(_ text: String, in path: String) throws(TelosError) {
    var plain: [UInt8] = []
    var parts: [[UInt8]] = [[]]
    var others: Set<UInt8> = []
    var bytes = text.utf8.makeIterator()
    while var byte = bytes.next() {
      if byte == UInt8(ascii: "\\") {
        guard let next = bytes.next(), Self.special.utf8.contains(next) else {
          throw TelosError(
            .invalidArgument,
            "\(Quote(path)) has a backslash before a character other than *?[]{}\\",
            hint: "write \\\\ for a backslash, and \\[ for a bracket that is part of a name")
        }
        byte = next
      } else if byte == UInt8(ascii: "*") {
        parts.append([])
        plain.append(byte)
        continue
      } else if "?[]{}".utf8.contains(byte) {
        others.insert(byte)
      }
      plain.append(byte)
      parts[parts.count - 1].append(byte)
    }
    self.text = text
    self.plain = String(decoding: plain, as: UTF8.self)
    self.parts = parts.map { String(decoding: $0, as: UTF8.self) }
    self.others = others
  }

  func uses(anyOf set: String) -> Bool { others.contains { set.utf8.contains($0) } }
}

extension PathPattern {
  /// A path as an intent has to write it to mean this very path.
  public static func escaped(_ path: String) -> String {
    var bytes: [UInt8] = []
    for byte in path.utf8 {
      if PathName.special.utf8.contains(byte) { bytes.append(UInt8(ascii: "\\")) }
      bytes.append(byte)
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// The names of an absolute path that may have wildcards and backslashes.
  static func names(of text: String) throws(TelosError) -> [PathName] {
    var names: [PathName] = []
    for component in try components(of: text, isPattern: true) {
      let name = try PathName(component, in: text)
      guard name.plain.utf8.count <= maximumName else { throw tooLong(text) }
      names.append(name)
    }
    return names
  }
}
