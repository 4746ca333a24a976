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
      guard let name = key.scalar?.string, value.scalar != nil || name == "store" else {
        throw TelosError(.invalidArgument, "\(place): not a key: value")
      }
      do throws(TelosError) {
        if let text = value.scalar?.string {
          try set(name, text)
        } else {
          store = try Self.store(value)
        }
      } catch {
        throw TelosError(error.code, "\(place): \(error.message)", hint: error.hint)
      }
    }
  }

  /// `sqlite: PATH`, or `postgresql: CONNECTION STRING` with, perhaps, `passwordFile: PATH` and
  /// `allowPlaintext: true`.
  private static func store(_ node: Node) throws(TelosError) -> Store {
    let malformed = TelosError(
      .invalidArgument, "store has to be sqlite or one of its forms with a place",
      hint: "write below it either sqlite: PATH, or postgresql: host=… dbname=… user=… and, if "
        + "there is a password, passwordFile: PATH")
    var values: [String: String] = [:]
    for (key, value) in node.mapping ?? [:] {
      guard let name = key.scalar?.string, let text = value.scalar?.string,
        ["sqlite", "postgresql", "passwordFile", "allowPlaintext"].contains(name)
      else { throw malformed }
      values[name] = text
    }
    let plaintext = values["allowPlaintext"]
    guard [nil, "true", "false"].contains(plaintext) else {
      throw TelosError(.invalidArgument, "allowPlaintext is true or false")
    }
    switch (values["sqlite"], values["postgresql"], values["passwordFile"]) {
    case (let path?, nil, nil) where plaintext == nil: return .sqlite(path)
    case (nil, let connection?, let file):
      return .postgresql(
        try PostgreSQLAddress(
          connection, passwordFile: file, allowPlaintext: plaintext == "true"))
    default: throw malformed
    }
  }

  private mutating func set(_ name: String, _ text: String) throws(TelosError) {
    switch name {
    case "data": data = text
    case "store":
      guard text == "sqlite" else {
        throw TelosError(
          .invalidArgument, "the store \(text) needs a place",
          hint: "below store: write postgresql: host=… dbname=… user=…")
      }
      store = .sqlite(nil)
    case "sync": sync = try Endpoint(text)
    case "enrolment": enrolment = try Endpoint(text)
    case "api": api = try Endpoint(text)
    case "operations": operations = try Endpoint(text)
    case "manifestLifetime":
      guard let seconds = Int(text), (60...86400).contains(seconds) else {
        throw TelosError(.invalidArgument, "manifestLifetime is 60 to 86400 seconds")
      }
      manifestLifetime = seconds
    case "keepEvents":
      guard text != "forever" else {
        keepEvents = nil
        return
      }
      guard text.hasSuffix("d"), let days = Int(text.dropLast()), (1...36500).contains(days) else {
        throw TelosError(
          .invalidArgument, "keepEvents is forever or a number of days", hint: "write 400d")
      }
      keepEvents = days
    case "eventsPerNode":
      guard text != "unlimited" else {
        eventsPerNode = nil
        return
      }
      guard text.hasSuffix("MiB"), let size = Int(text.dropLast(3)), (1...1_000_000).contains(size)
      else {
        throw TelosError(
          .invalidArgument, "eventsPerNode is unlimited or a number of MiB in an hour",
          hint: "write 256MiB")
      }
      eventsPerNode = size << 20
    default:
      throw TelosError(
        .invalidArgument, "unknown key \(name)",
        hint: "keys are data, store, sync, enrolment, api, operations, manifestLifetime, "
          + "keepEvents, eventsPerNode")
    }
  }
}
