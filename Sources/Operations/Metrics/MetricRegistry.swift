public import CoreMetrics
internal import Synchronization

/// Where the metrics of a daemon are kept until somebody asks for them: a factory for swift-metrics, and an exporter in the text
/// format of Prometheus.
///
/// A daemon has one for what it counts from its start on. What it measures when it is asked goes into another one, made for that
/// answer, so that nothing in it is out of date.
public final class MetricRegistry: MetricsFactory {
  enum Kind: String, Sendable { case counter, gauge, summary }

  private struct Family {
    var kind: Kind
    /// By the labels as they are written.
    var cells: [String: MetricCell] = [:]
  }
  private let families = Mutex<[String: Family]>([:])
  private let help: [String: String]

  /// - Parameter help: what each metric says, by its name.
  public init(help: [String: String] = [:]) { self.help = help }

  /// Every metric with its help and its kind, in the order of the names and labels.
  public var text: String {
    var text = ""
    for (name, family) in families.withLock({ $0 }).sorted(by: { $0.key < $1.key }) {
      if let help = help[name] { text += "# HELP \(name) \(help)\n" }
      text += "# TYPE \(name) \(family.kind.rawValue)\n"
      for (labels, cell) in family.cells.sorted(by: { $0.key < $1.key }) {
        let (value, count) = cell.read()
        switch family.kind {
        case .counter, .gauge: text += "\(name)\(labels) \(Self.number(value))\n"
        case .summary:
          text += "\(name)_sum\(labels) \(Self.number(value))\n\(name)_count\(labels) \(count)\n"
        }
      }
    }
    return text
  }

  private func cell(
    _ name: String, _ dimensions: [(String, String)], _ kind: Kind, keepsLast: Bool = false
  ) -> MetricCell {
    let labels = Self.labels(dimensions)
    return families.withLock { families in
      if let cell = families[name]?.cells[labels] { return cell }
      let cell = MetricCell(keepsLast: keepsLast)
      families[name, default: Family(kind: kind)].cells[labels] = cell
      return cell
    }
  }

  private func remove(_ handler: AnyObject) {
    families.withLock { families in
      for (name, family) in families {
        let left = family.cells.filter { $0.value !== handler }
        families[name]?.cells = left
        if left.isEmpty { families[name] = nil }
      }
    }
  }

  private static func labels(_ dimensions: [(String, String)]) -> String {
    guard !dimensions.isEmpty else { return "" }
    let pairs = dimensions.sorted { $0.0 < $1.0 }.map { "\($0.0)=\"\(escaped($0.1))\"" }
    return "{\(pairs.joined(separator: ","))}"
  }

  private static func escaped(_ text: String) -> String {
    text.reduce(into: "") { text, character in
      switch character {
      case "\\": text += "\\\\"
      case "\"": text += "\\\""
      case "\n": text += "\\n"
      default: text.append(character)
      }
    }
  }

  /// Whole numbers without a point.
  private static func number(_ value: Double) -> String {
    Int64(exactly: value).map { "\($0)" } ?? "\(value)"
  }

  // MARK: swift-metrics

  public func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
    cell(label, dimensions, .counter)
  }

  public func makeFloatingPointCounter(label: String, dimensions: [(String, String)])
    -> any FloatingPointCounterHandler
  {
    cell(label, dimensions, .counter)
  }

  public func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
    cell(label, dimensions, .gauge)
  }

  public func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool)
    -> any RecorderHandler
  {
    cell(label, dimensions, aggregate ? .summary : .gauge, keepsLast: !aggregate)
  }

  /// In seconds.
  public func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
    cell(label, dimensions, .summary)
  }

  public func destroyCounter(_ handler: any CounterHandler) { remove(handler) }
  public func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) {
    remove(handler)
  }
  public func destroyMeter(_ handler: any MeterHandler) { remove(handler) }
  public func destroyRecorder(_ handler: any RecorderHandler) { remove(handler) }
  public func destroyTimer(_ handler: any TimerHandler) { remove(handler) }
}
