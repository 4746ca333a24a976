internal import AddressSets
internal import ArgumentParser
internal import TelosCore

/// `--allow-wide` of everything that takes blocks of addresses.
struct WidthOptions: ParsableArguments {
  @Flag(help: "Accept blocks that are wider than /8 (IPv4) or /16 (IPv6).")
  var allowWide = false

  /// - Parameter source: how the error names where the entries come from.
  func check(_ entries: [IPPrefix], from source: String) throws(TelosError) {
    guard !allowWide, let wide = entries.first(where: \.isVeryWide) else { return }
    let others = entries.count(where: \.isVeryWide) - 1
    let more = others == 0 ? "" : " and \(others) more like it"
    throw TelosError(
      .invalidArgument,
      "\(source) names \(wide)\(more), which \(wide.share) of all IPv\(wide.isV4 ? 4 : 6) addresses",
      hint: "if that is meant, give --allow-wide; nothing was changed")
  }
}

extension IPPrefix {
  /// `is 1/2`, `is all`.
  fileprivate var share: String { length == 0 ? "is all" : "is 1/\(UInt64(1) << UInt64(length))" }
}
