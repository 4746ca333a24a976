public import TelosCore

extension Intent {
  /// Who is an agent under the intent without being started by `telos run`.
  public struct Agents: Sendable, Hashable {
    public var units: [UnitName] = []
    public var cgroups: [CgroupPath] = []
    /// Of the containers that have all of these annotations; empty: none.
    public var labels: Labels = [:]

    public init() {}

    public var isEmpty: Bool { units.isEmpty && cgroups.isEmpty && labels.isEmpty }

    /// The cgroups that are known by name, each once, in the order of the intent.
    public var places: [CgroupPath] {
      var seen: Set<CgroupPath> = []
      return (units.map(\.cgroup) + cgroups).filter { seen.insert($0).inserted }
    }

    /// Whether a container with these annotations is meant.
    public func match(_ annotations: [String: String]) -> Bool {
      !labels.isEmpty && labels.allSatisfy { annotations[$0.key] == $0.value }
    }
  }
}

/// A cgroup by its path from the root of the tree of version 2, below it.
public struct CgroupPath: Sendable, Hashable, CustomStringConvertible {
  public let description: String

  /// As the kernel's map holds them.
  static let maximum = (bytes: 254, names: 16)

  public init(_ text: String) throws(TelosError) {
    guard !text.hasByte(of: "*?[") else {
      throw TelosError(
        .invalidArgument, "\(Quote(text)) is not the path of one cgroup",
        hint: "write one entry for each cgroup; wildcards are not understood here")
    }
    let names = try PathPattern.components(of: text)
    guard names.first != "sys" || names.dropFirst().first != "fs" else {
      throw TelosError(
        .invalidArgument, "\(Quote(text)) is the path of a folder, not of a cgroup",
        hint: "write it from the root of the tree, as /proc/PID/cgroup has it: /system.slice/…")
    }
    guard !names.isEmpty, text != "/init.scope" else {
      throw TelosError(
        .invalidArgument, "\(Quote(text)) holds the whole machine, or its first process",
        hint: "name a cgroup that is the agent's alone")
    }
    guard text.utf8.count <= Self.maximum.bytes, names.count <= Self.maximum.names else {
      throw TelosError(
        .invalidArgument,
        "\(Quote(text)) has more than \(Self.maximum.bytes) bytes or \(Self.maximum.names) names",
        hint: "bind a cgroup above it")
    }
    description = text
  }

  /// Whether the other is this one, or lies below.
  public func contains(_ other: String) -> Bool {
    other == description || other.hasPrefix("\(description)/")
  }
}

/// A service of systemd by its full name, with its cgroup where no `Slice=` puts it elsewhere.
public struct UnitName: Sendable, Hashable, CustomStringConvertible {
  public let description: String
  public let cgroup: CgroupPath

  public init(_ text: String) throws(TelosError) {
    let name = text.utf8.dropLast(Self.ending.utf8.count)
    let parts = name.split(
      separator: UInt8(ascii: "@"), maxSplits: 1, omittingEmptySubsequences: false)
    guard text.hasSuffix(Self.ending), text.utf8.count <= 200, name.allSatisfy(Self.isAllowed),
      let first = parts.first, let start = first.first, start != UInt8(ascii: "."),
      start != UInt8(ascii: "_"), parts.count == 1 || parts[1].isEmpty == false
    else {
      throw TelosError(
        .invalidArgument, "\(Quote(text)) is not the full name of a service",
        hint: text.contains("@\(Self.ending)")
          ? "an instance has a name: worker@1.service"
          : "write NAME.service; for another kind of unit, write its path under cgroups")
    }
    guard text != "telos-node.service" else {
      throw TelosError(
        .invalidArgument, "telos-node.service is the node itself, which cannot be an agent",
        hint: "name another unit")
    }
    description = text
    // Instances have a slice of their template, in whose name a dash would be another level.
    let template = String(decoding: first, as: UTF8.self).replacing("-", with: "\\x2d")
    cgroup = try CgroupPath(
      parts.count == 1
        ? "/system.slice/\(text)" : "/system.slice/system-\(template).slice/\(text)")
  }

  private static let ending = ".service"

  private static func isAllowed(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x41...0x5a, 0x61...0x7a: true
    default: ":_.@\\-".utf8.contains(byte)
    }
  }
}

extension TreeReader {
  mutating func agents(_ value: Value?) -> Intent.Agents {
    var agents = Intent.Agents()
    guard let value else { return agents }
    let fields = fields(value, ["units", "cgroups", "labels"])
    for item in items(fields["units"]) {
      let unit = parsed(item) { text throws(TelosError) in try UnitName(text) }
      if let unit { agents.units.append(unit) }
    }
    for item in items(fields["cgroups"]) {
      let path = parsed(item) { text throws(TelosError) in try CgroupPath(text) }
      if let path { agents.cgroups.append(path) }
    }
    agents.labels = labels(fields["labels"])
    if case .map = value.tree.content, agents.isEmpty, !hasProblem(below: [value.path]) {
      problem(value, "nobody is named", "write units: [NAME.service], or leave agents out")
    }
    return agents
  }
}
