/// A name of the DNS taken apart. All text is lower-case A-labels.
struct NameParts {
  /// The name without its last dot.
  let text: [UInt8]
  let labels: [[UInt8]]
  /// The number of the label that was registered, the one before the public suffix; nil where all is suffix.
  let registered: Int?
  /// The same by the private section of the list, where that is another label: whose it is below github.io.
  let tenant: Int?

  /// `text`: as `normalised` made it.
  init(_ text: [UInt8], suffixes: PublicSuffixes) {
    self.text = text
    var labels: [[UInt8]] = []
    var starts: [Int] = []
    var begin = 0
    for end in 0...text.count where end == text.count || text[end] == UInt8(ascii: ".") {
      labels.append(Array(text[begin..<end]))
      starts.append(begin)
      begin = end + 1
    }
    self.labels = labels
    let terminated = text + [0]
    let suffix = suffixes.suffixStart(of: terminated, starts: starts, withPrivate: false)
    registered = suffix > 0 && suffix < labels.count ? suffix - 1 : nil
    guard let registered, registered > 0 else {
      tenant = nil
      return
    }
    let any = suffixes.suffixStart(of: terminated, starts: starts, withPrivate: true)
    tenant = any > 0 && any - 1 < registered ? any - 1 : nil
  }

  /// The labels from `first` on, with dots.
  func domain(from first: Int) -> [UInt8] {
    Array(labels[first...].joined(separator: [UInt8(ascii: ".")]))
  }

  func domainText(from first: Int) -> String {
    String(decoding: domain(from: first), as: UTF8.self)
  }

  /// `name` in lower case, without the dot at its end and with A-labels; nil where it is no name of the DNS.
  static func normalised(_ name: String, _ characters: CharacterData) -> [UInt8]? {
    var bytes = Array(name.utf8)
    if bytes.contains(where: { $0 >= 0x80 }) {
      guard bytes.count <= 1024, let ascii = characters.toASCII(bytes) else { return nil }
      bytes = ascii
    }
    if bytes.last == UInt8(ascii: ".") { bytes.removeLast() }
    guard (1...253).contains(bytes.count) else { return nil }
    var length = 0
    for place in bytes.indices {
      let byte = bytes[place]
      if byte == UInt8(ascii: ".") {
        guard length > 0 else { return nil }
        length = 0
        continue
      }
      length += 1
      guard length <= 63, byte > 0x20, byte != 0x7F else { return nil }
      if byte >= 65, byte <= 90 { bytes[place] = byte + 32 }
    }
    return length > 0 ? bytes : nil
  }
}
