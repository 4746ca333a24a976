public import TelosCore

/// Plain blocklists: one address or block a line; `#` and `;` start comments (so FireHOL's .netset and Spamhaus' DROP in text
/// form read as they are). Lines end in LF, CR LF or CR; a UTF-8 byte order mark at the beginning is skipped.
///
/// A line is understood as a whole or refused: no part of it is ever dropped.
public enum BlocklistText {
  /// 64 MiB: some four million entries.
  public static let maximumBytes = 64 << 20

  /// Reads a whole list or, if any line is bad, nothing of it.
  ///
  /// - Parameter file: how errors name it.
  /// - Throws: naming file, number and content of the first bad line, and what to write instead.
  public static func parse(_ bytes: some Collection<UInt8>, file: String) throws(TelosError)
    -> AddressSet
  {
    guard bytes.count <= maximumBytes else {
      throw TelosError(
        .invalidArgument, "\(file) is larger than \(maximumBytes) bytes",
        hint: "split the list and add the parts one after the other")
    }
    let content = Array(bytes)
    guard !content.starts(with: [0xff, 0xfe]), !content.starts(with: [0xfe, 0xff]) else {
      throw TelosError(
        .invalidArgument, "\(file) is UTF-16 text", hint: "save it as UTF-8 or plain ASCII")
    }
    var entries: [IPPrefix] = []
    var bad: (line: Int, text: String, error: TelosError)?
    var more = 0
    var number = 0
    var start = content.starts(with: [0xef, 0xbb, 0xbf]) ? 3 : 0
    while start < content.count {
      number += 1
      let end = content[start...].firstIndex(where: isLineEnd) ?? content.count
      let line = content[start..<end]
      start = end + 1
      if end < content.count, content[end] == 0x0d, start < content.count, content[start] == 0x0a {
        start += 1
      }
      do throws(TelosError) {
        if let entry = try BlocklistLine(line).entry { entries.append(entry) }
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
      throw TelosError(
        .invalidArgument,
        "\(file) line \(bad.line): \(quoted(bad.text)): \(bad.error.message)\(others)",
        hint: (bad.error.hint.map { "\($0); " } ?? "") + "nothing of the list was applied")
    }
    return AddressSet(entries)
  }

  /// One entry a line, ascending, as ``parse(_:file:)`` reads it.
  public static func format(_ set: AddressSet) -> String {
    set.entries.map { "\($0)\n" }.joined()
  }

  private static func isLineEnd(_ byte: UInt8) -> Bool { byte == 0x0a || byte == 0x0d }
}
