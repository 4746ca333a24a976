/// Text in lines of at most `width` columns, broken between words, and inside a word only where it must be.
func wrap(_ text: String, width: Int) -> [String] {
  var lines: [String] = []
  var line = ""
  for word in text.split(separator: " ") {
    var word = word
    if !line.isEmpty && line.count + 1 + word.count > width {
      lines.append(line)
      line = ""
    }
    while word.count > width {
      lines.append(String(word.prefix(width)))
      word = word.dropFirst(width)
    }
    line += (line.isEmpty ? "" : " ") + word
  }
  if !line.isEmpty { lines.append(line) }
  return lines
}

/// `title  text`, wrapped, with the text in a column of its own.
func field(_ title: String, _ text: String, indent: Int = 2, column: Int = 12, width: Int = 100)
  -> [String]
{
  let margin = String(repeating: " ", count: column)
  let lines = wrap(text.printable, width: width - column)
  guard let first = lines.first else { return [] }
  let head = String(repeating: " ", count: indent) + title
  let padded = head + String(repeating: " ", count: max(1, column - head.count))
  return [padded + first] + lines.dropFirst().map { margin + $0 }
}
