public import TelosCore
internal import Yams

extension Configuration {
  /// Reads a configuration in YAML. Unknown keys and bad values are refused with their line.
  public init(yaml: String, file: String) throws(TelosError) {
    self.init()
    let root: Node?
    do {
      root = try Yams.compose(yaml: yaml)
    } catch {
      throw TelosError(.invalidArgument, "\(file) is not YAML: \(error)")
    }
    guard let root else { return }
    guard let mapping = root.mapping else {
      throw TelosError(.invalidArgument, "\(file) is not a list of key: value")
    }
    for (key, value) in mapping {
      let place = "\(file) line \(key.mark?.line ?? 0)"
      guard let name = key.scalar?.string, let text = value.scalar?.string else {
        throw TelosError(.invalidArgument, "\(place): not a key: value")
      }
      do throws(TelosError) {
        try set(name, text)
      } catch {
        throw TelosError(error.code, "\(place): \(error.message)", hint: error.hint)
      }
    }
  }

  private mutating func set(_ name: String, _ text: String) throws(TelosError) {
    switch name {
    case "data": data = text
    case "sync": sync = try Endpoint(text)
    case "enrolment": enrolment = try Endpoint(text)
    case "api": api = try Endpoint(text)
    case "operations": operations = try Endpoint(text)
    case "manifestLifetime":
      guard let seconds = Int(text), (60...86400).contains(seconds) else {
        throw TelosError(.invalidArgument, "manifestLifetime is 60 to 86400 seconds")
      }
      manifestLifetime = seconds
    default:
      throw TelosError(
        .invalidArgument, "unknown key \(name)",
        hint: "keys are data, sync, enrolment, api, operations, manifestLifetime")
    }
  }
}
