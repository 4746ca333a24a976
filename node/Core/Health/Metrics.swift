internal import TelosCore

/// `/metrics` in the text form of Prometheus.
public struct Metrics: Sendable {
  public struct Sample: Sendable, Hashable {
    public var name: String
    public var labels: [String: String]
    public var value: Double

    public init(_ name: String, _ labels: [String: String] = [:], _ value: Double) {
      self.name = name
      self.labels = labels
      self.value = value
    }
  }

  /// Samples in order; those of one name stand together under one `# TYPE` line.
  public static func text(_ samples: [Sample]) -> String {
    var text = ""
    var last = ""
    for sample in samples {
      if sample.name != last {
        text += "# TYPE \(sample.name) \(sample.name.hasSuffix("_total") ? "counter" : "gauge")\n"
        last = sample.name
      }
      let labels = sample.labels.sorted { $0.key < $1.key }
        .map { "\($0.key)=\"\(escaped($0.value))\"" }.joined(separator: ",")
      let whole = sample.value.rounded() == sample.value && abs(sample.value) < 1e15
      let value = whole ? "\(Int64(sample.value))" : "\(sample.value)"
      text += labels.isEmpty ? "\(sample.name) \(value)\n" : "\(sample.name){\(labels)} \(value)\n"
    }
    return text
  }

  private static func escaped(_ text: String) -> String {
    var result = ""
    for character in text {
      switch character {
      case "\\": result += "\\\\"
      case "\"": result += "\\\""
      case "\n": result += "\\n"
      default: result.append(character)
      }
    }
    return result
  }
}
