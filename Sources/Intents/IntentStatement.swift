public import FoundationEssentials
public import TelosCore
internal import Trust

extension Intent {
  /// The largest payload that is read. Source: docs/protocol.md, Envelopes.
  public static let maximumPayload = 1 << 20

  /// The payload that operators sign: canonical JSON as docs/protocol.md has it.
  ///
  /// - Parameter version: seconds since 1970 at signing, unless the operator gives another; never 0.
  public func statementPayload(version: UInt64, expires: Date) -> [UInt8] {
    let payload = JSONValue.object([
      "type": .string("intent"),
      "name": .string(name),
      "version": .integer(Int64(clamping: version)),
      "expires": .string(expires.rfc3339),
      "labels": .object(labels.mapValues { .string($0) }),
      "nodes": .object(nodes.labels.mapValues { .string($0) }),
      "spec": spec,
    ])
    return Array(payload.canonical)
  }

  /// Reads a payload back. It has to be exactly what ``statementPayload(version:expires:)`` writes: unknown keys,
  /// another order, white space or a value written otherwise are refused.
  public init(statementPayload payload: some Collection<UInt8>) throws(TelosError) {
    guard payload.count <= Self.maximumPayload else {
      throw TelosError(.corrupt, "the intent's payload is larger than 1 MiB")
    }
    let json: JSONValue
    do throws(Refusal) {
      json = try JSONValue(parsing: Data(payload))
    } catch {
      throw Tree.notPlain
    }
    self = try Self.read(json)
    guard case .object(let members) = json, case .integer(let version) = members["version"],
      version > 0, case .string(let text) = members["expires"],
      let expires = Date(rfc3339: text)
    else {
      throw TelosError(.corrupt, "the intent's payload has no version or no expiry")
    }
    guard statementPayload(version: UInt64(version), expires: expires).elementsEqual(payload) else {
      throw TelosError(
        .corrupt, "the intent's payload is not in canonical form",
        hint: "sign it again with `telos intent sign`")
    }
  }

  private static func read(_ json: JSONValue) throws(TelosError) -> Intent {
    guard case .object(var members) = json, case .string("intent") = members["type"],
      case .object(var spec) = members["spec"], let name = members["name"],
      let labels = members["labels"], let nodes = members["nodes"], spec["nodes"] == nil
    else {
      throw TelosError(.corrupt, "the payload is not that of an intent")
    }
    for key in ["type", "name", "labels", "nodes", "spec", "version", "expires"] {
      members[key] = nil
    }
    guard members.isEmpty else {
      throw TelosError(
        .corrupt, "the intent's payload has an unknown key \(Quote(members.keys.min() ?? ""))")
    }
    spec["nodes"] = .object(["labels": nodes])
    let document = try Tree(
      .object([
        "apiVersion": .string("telos/v1"), "kind": .string("Intent"),
        "metadata": .object(["name": name, "labels": labels]), "spec": .object(spec),
      ]))
    do throws(IntentProblems) {
      return try IntentParser.read(document).0
    } catch {
      throw error.telosError(file: "the intent's payload")
    }
  }
}

extension Intent {
  /// The YAML's `spec` without `nodes`, every default written out; keys that came after the first version only where
  /// they say something, so that what was signed before stays what it was.
  private var spec: JSONValue {
    .object(
      agents.isEmpty ? [:] : ["agents": agents.json],
      and: [
        "mode": .string(mode.rawValue),
        "ttl": .string("\(ttl)"),
        "stdio": .string(stdio.rawValue),
        "exec": .object(
          exec.jit ? ["jit": .string("true")] : [:],
          and: [
            "allow": .array(exec.allow.map(\.json)),
            "own": .array(exec.own.map { .string("\($0)") }),
          ]),
        "network": network.json,
        "files": files.json,
        "unix": .object(["allow": .array(unix.map { .string("\($0)") })]),
      ])
  }
}

extension JSONValue {
  fileprivate static func object(_ members: [String: JSONValue], and more: [String: JSONValue])
    -> JSONValue
  {
    .object(members.merging(more) { $1 })
  }
}

extension Intent.Agents {
  /// Only what says something, as `agents` itself.
  fileprivate var json: JSONValue {
    var members: [String: JSONValue] = [:]
    if !units.isEmpty { members["units"] = .array(units.map { .string("\($0)") }) }
    if !cgroups.isEmpty { members["cgroups"] = .array(cgroups.map { .string("\($0)") }) }
    if !labels.isEmpty { members["labels"] = .object(labels.mapValues { .string($0) }) }
    return .object(members)
  }
}

extension Intent.Executable {
  fileprivate var json: JSONValue {
    var members: [String: JSONValue] = ["path": .string("\(path)")]
    if let sha256 { members["sha256"] = .string("\(sha256)") }
    if let fsverity { members["fsverity"] = .string("\(fsverity)") }
    if multicall { members["multicall"] = .string("true") }
    if optional { members["optional"] = .string("true") }
    return .object(members)
  }
}

extension Intent.SensitiveFile {
  fileprivate var json: JSONValue {
    .object(
      optional ? ["optional": .string("true")] : [:],
      and: ["path": .string("\(path)"), "level": .string(level.rawValue)])
  }
}

extension Intent.Files {
  fileprivate var json: JSONValue {
    var members: [String: JSONValue] = ["sensitive": .array(sensitive.map(\.json))]
    members["write"] = write.map { roots in
      .array(
        roots.map { root in
          optionalWrites.contains(root)
            ? .object(["path": .string("\(root)"), "optional": .string("true")])
            : .string("\(root)")
        })
    }
    switch whileTainted {
    case .none: break
    case .all: members["whileTainted"] = .string("all")
    case .roots(let roots): members["whileTainted"] = .array(roots.map { .string("\($0)") })
    }
    return .object(members)
  }
}
