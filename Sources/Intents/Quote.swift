/// Outside text as a message may show it: quoted, short, and without bytes that act on a terminal.
struct Quote: CustomStringConvertible {
  let description: String

  init(_ text: some StringProtocol) {
    let scalars = text.unicodeScalars
    let shown = scalars.prefix(80).map { scalar in
      scalar.value < 0x20 || (0x7f..<0xa0).contains(scalar.value) ? "?" : String(scalar)
    }
    description = "\"\(shown.joined())\(scalars.count > 80 ? "…" : "")\""
  }
}
