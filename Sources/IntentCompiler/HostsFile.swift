internal import AddressSets

/// Names with addresses, as hosts(5) has them: a line is an address and its names.
struct HostsFile {
  struct Entry: Hashable {
    var address: IPAddress
    /// In lower case, without a dot at the end.
    var name: String
  }
  var entries: [Entry] = []

  /// Lines that are none are skipped, as the C library skips them; so are addresses with a zone, which no window has.
  init(_ bytes: some Sequence<UInt8>) {
    for line in String(decoding: Array(bytes), as: UTF8.self).utf8.split(separator: 0x0a) {
      let words = line.prefix { $0 != UInt8(ascii: "#") }
        .split { $0 == 0x20 || (0x09...0x0d).contains($0) }
      guard let first = words.first, let address = try? IPAddress(String(Substring(first)))
      else { continue }
      for word in words.dropFirst() {
        let name = String(Substring(word)).lowercased()
        entries.append(
          Entry(address: address, name: name.hasSuffix(".") ? String(name.dropLast()) : name))
      }
    }
  }
}
