internal import NameVerdicts
internal import TelosCore

/// Judges the hosts of intents. ICU is loaded for the first one, and never where an intent has none.
enum HostNames {
  private static let judge: HostObjection? = {
    do throws(TelosError) { return try HostObjection() } catch {
      StandardError.line("telos: warning: the hosts of intents are not judged: \(error.message)")
      return nil
    }
  }()

  static func objection(to name: String) -> (message: String, suggestion: String)? { judge?(name) }
}
