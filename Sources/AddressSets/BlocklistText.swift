public import TelosCore

/// Plain blocklists: an address or block a line, `#` and `;` start comments, only the first word of a line counts
/// (so FireHOL's .netset and Spamhaus' DROP in text form read as they are). LF or CR LF.
public enum BlocklistText {
  /// 64 MiB: some four million entries.
  public static let maximumBytes = 64 << 20

  /// Reads a whole list or, if any line is bad, nothing of it.
  ///
  /// - Parameter file: how errors name it.
  /// - Throws: naming file, number and content of the first bad line.
  public static func parse(_ bytes: some Collection<UInt8>, file: String) throws(TelosError)
    -> AddressSet
  {
    guard bytes.count <= maximumBytes else {
      throw TelosError(
        .invalidArgument, "\(file) is larger than \(maximumBytes) bytes",
        hint: "split the list and add the parts one after the other")
    }
    let content = Array(bytes)
    var entries: [IPPrefix] = []
    var bad: (line: Int, text: String, error: TelosError)?
    var more = 0
    var number = 0
    var start = content.starts(with: [0xef, 0xbb, 0xbf]) ? 3 : 0
    while start < content.count {
      number += 1
      let end = content[start...].firstIndex(of: UInt8(ascii: "\n")) ?? content.count
      let line = content[start..<end]
      start = end + 1
      guard let word = firstWord(of: line) else { continue }
      do throws(TelosError) {
        entries.append(try IPPrefix(String(decoding: word, as: UTF8.self)))
      } catch {
        if bad == nil {
          bad = (number, String(decoding: line.prefix(200), as: UTF8.self), error)
        } else {
          more += 1
        }
      }
    }
    if let bad {
      let others = more == 0 ? "" : " (and \(more) more bad line\(more == 1 ? "" : "s"))"
      let text = bad.text.hasSuffix("\r") ? String(bad.text.dropLast()) : bad.text
      throw TelosError(
        .invalidArgument,
        "\(file) line \(bad.line): \(quoted(text)): \(bad.error.message)\(others)",
        hint: (bad.error.hint.map { "\($0); " } ?? "") + "nothing of the list was applied")
    }
    return AddressSet(entries)
  }

  /// One entry a line, ascending, as ``parse(_:file:)`` reads it.
  public static func format(_ set: AddressSet) -> String {
    set.entries.map { "\($0)\n" }.joined()
  }

  private static func firstWord(of line: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
    func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || byte == 0x0d }
    func isComment(_ byte: UInt8) -> Bool {
      byte == UInt8(ascii: "#") || byte == UInt8(ascii: ";")
    }
    let body = line.drop(while: isSpace)
    let word = body.prefix { !isSpace($0) && !isComment($0) }
    return word.isEmpty ? nil : word
  }
}
