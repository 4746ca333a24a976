/// The gates, by what they stand before. Raw values are the names on the wire and for people.
public enum Gate: String, Sendable, Codable, CaseIterable {
  case identity, exec, network, file, egress, `guard`
}
