internal import ArgumentParser
internal import FoundationEssentials
internal import TelosCore

enum OutputFormat: String, ExpressibleByArgument, CaseIterable, Sendable { case table, json }

/// `-o`, of every listing.
struct OutputOptions: ParsableArguments {
  @Option(
    name: [.customShort("o"), .customLong("output")],
    help: ArgumentHelp("How to print.", valueName: "format"))
  var format: OutputFormat = .table

  var json: Bool { format == .json }
}

enum JSONOutput {
  /// Sorted keys, two spaces; one line where `compact`.
  static func text(_ value: some Encodable, compact: Bool = false) throws(TelosError) -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    if !compact { encoder.outputFormatting.insert(.prettyPrinted) }
    do {
      return String(decoding: try encoder.encode(value), as: UTF8.self)
    } catch {
      throw TelosError(.internalError, "cannot write JSON: \(error)")
    }
  }

  static func print(_ value: some Encodable) throws(TelosError) { Terminal.line(try text(value)) }
}
