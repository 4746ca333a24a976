internal import TelosCore

/// One line of a blocklist: an address or block, a comment, or nothing.
struct BlocklistLine {
  /// Nil for a blank line and a comment.
  let entry: IPPrefix?

  /// - Throws: for everything else, with the entries to write instead wherever the line leaves no doubt about them.
  init(_ line: ArraySlice<UInt8>) throws(TelosError) {
    let body = line.prefix { $0 != UInt8(ascii: "#") && $0 != UInt8(ascii: ";") }
    let words = body.split { $0 == 0x20 || $0 == 0x09 }
      .map { String(decoding: $0, as: UTF8.self) }
    switch words.count {
    case 0: entry = nil
    case 1: entry = try Self.single(words[0])
    default: throw Self.refusal(words)
    }
  }

  private static func single(_ word: String) throws(TelosError) -> IPPrefix {
    do throws(TelosError) {
      return try IPPrefix(word)
    } catch {
      let ends = word.split(separator: "-", omittingEmptySubsequences: false)
      if ends.count == 2, let first = try? IPAddress(ends[0]), let last = try? IPAddress(ends[1]) {
        throw range(first, last)
      }
      let parts = word.split(separator: "/", omittingEmptySubsequences: false)
      if parts.count == 2, let address = try? IPAddress(parts[0]), let mask = netmask(parts[1]) {
        throw masked(address, mask)
      }
      throw error
    }
  }

  /// Why a line of several words is no entry, by the notation that it looks like.
  private static func refusal(_ words: [String]) -> TelosError {
    guard let first = try? IPAddress(words[0]) else {
      guard let entry = try? IPPrefix(words[0]) else {
        return TelosError(
          .invalidArgument, "the line does not begin with an address or block",
          hint: "write one address or block a line, and # before a comment")
      }
      return trailing(words, after: entry)
    }
    if words.count == 3, words[1] == "-", let last = try? IPAddress(words[2]) {
      return range(first, last)
    }
    if words[1].hasPrefix("/") {
      return TelosError(
        .invalidArgument, "there is a space between the address and its prefix length",
        hint: "write \(words[0])\(words[1])")
    }
    if words.count == 2, let mask = netmask(words[1]) { return masked(first, mask) }
    if let last = try? IPAddress(words[1]) { return range(first, last) }
    if words[1].contains(where: \.isLetter), first.isLocal {
      return TelosError(
        .invalidArgument,
        "this is a line of a hosts file, which blocks the name \(quoted(words[1]))",
        hint: "a blocklist takes addresses and blocks, not names")
    }
    return trailing(words, after: IPPrefix(first))
  }

  private static func trailing(_ words: [String], after entry: IPPrefix) -> TelosError {
    TelosError(
      .invalidArgument, "\(quoted(words[1])) after the entry is not understood",
      hint: "write \(entry) alone, or # before what is a comment")
  }

  private static func range(_ first: IPAddress, _ last: IPAddress) -> TelosError {
    guard let blocks = IPPrefix.blocks(from: first, through: last) else {
      return TelosError(
        .invalidArgument, "\(first) to \(last) is not a range of addresses",
        hint: "write one address or block a line")
    }
    let shown = blocks.prefix(8).map(\.description).joined(separator: ", ")
    let rest = blocks.count > 8 ? " and \(blocks.count - 8) more" : ""
    return TelosError(
      .invalidArgument, "this is a range of addresses, and a blocklist takes blocks",
      hint: blocks.count == 1
        ? "write \(shown)" : "write \(shown)\(rest), each on a line of its own")
  }

  private static func masked(_ address: IPAddress, _ length: Int) -> TelosError {
    let block = IPPrefix(containing: address, length: length)
    return TelosError(
      .invalidArgument, "the block is written with a netmask", hint: "write \(block)")
  }

  /// The prefix length of an IPv4 netmask, 255.0.0.0 or longer; nil for anything else.
  private static func netmask(_ text: some StringProtocol) -> Int? {
    guard let bits = (try? IPAddress(text))?.v4, bits >= 0xff00_0000, bits | (bits - 1) == .max
    else { return nil }
    return bits.nonzeroBitCount
  }
}

extension IPAddress {
  /// 0.0.0.0, 127.0.0.0/8, `::` and `::1`: what hosts files point blocked names to.
  fileprivate var isLocal: Bool {
    if let v4 { return v4 == 0 || v4 >> 24 == 127 }
    return bits <= 1
  }
}
