internal import AddressSets
internal import ArgumentParser
internal import TelosCore

/// `--allow-wide` of everything that takes blocks of addresses.
struct WidthOptions: ParsableArguments {
  @Flag(help: "Accept blocks that are wider than /8 (IPv4) or /16 (IPv6).")
  var allowWide = false

  /// - Parameter source: how the error names where the entries come from.
  func check(_ entries: [IPPrefix], from source: String) throws(TelosError) {
    guard !allowWide, let wide = IPPrefix.widest(of: entries) else { return }
    throw TelosError(
      .invalidArgument, "\(source) names \(wide)",
      hint: "if that is meant, give --allow-wide; nothing was changed")
  }
}
