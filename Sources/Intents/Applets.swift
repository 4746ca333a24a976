/// The programs that one binary is, as far as its content tells.
public enum Applets {
  /// BusyBox keeps their names in one block of texts that end in NUL, sorted; an empty one ends the block.
  private static let start = Array("\0[\0[[\0".utf8)

  /// - Returns: empty for a binary that is no BusyBox, or one built without `[`.
  public static func names(in content: [UInt8]) -> [String] {
    guard let block = content.withUnsafeBytes({ position(of: start, in: $0) }) else { return [] }
    var names: [String] = []
    var rest = content[(block + 1)...]
    while let end = rest.firstIndex(of: 0), end > rest.startIndex {
      let name = rest[..<end]
      guard name.count <= 64, name.allSatisfy({ (0x21...0x7e).contains($0) }) else { return [] }
      names.append(String(decoding: name, as: UTF8.self))
      rest = rest[(end + 1)...]
    }
    return names
  }

  private static func position(of text: [UInt8], in content: UnsafeRawBufferPointer) -> Int? {
    guard content.count >= text.count else { return nil }
    return (0...content.count - text.count).first { at in
      text.indices.allSatisfy { content[at + $0] == text[$0] }
    }
  }
}
