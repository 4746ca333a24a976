public import FoundationEssentials

extension Date {
  /// RFC 3339 in UTC with whole seconds, as signed payloads have it: `2026-11-23T12:00:00Z`.
  public var rfc3339: String { formatted(.iso8601) }

  /// RFC 3339 in UTC with milliseconds, as events have it.
  public var rfc3339Milliseconds: String {
    formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))
  }

  /// Reads RFC 3339 in UTC, with or without a fraction of a second; nil for anything else.
  public init?(rfc3339 text: String) {
    if let date = try? Date.ISO8601FormatStyle().parse(text) {
      self = date
    } else if let date = try? Date.ISO8601FormatStyle(includingFractionalSeconds: true).parse(text)
    {
      self = date
    } else {
      return nil
    }
  }
}
