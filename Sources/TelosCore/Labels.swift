/// Labels of a node or an intent: key to value.
public typealias Labels = [String: String]

/// Chooses nodes by their labels: every pair must be there. An empty selector chooses every node.
public struct LabelSelector: Sendable, Hashable, Codable {
  public var labels: Labels

  public init(_ labels: Labels = [:]) { self.labels = labels }

  public func matches(_ candidate: Labels) -> Bool {
    labels.allSatisfy { candidate[$0.key] == $0.value }
  }
}
