internal import Kernel
internal import TelosCore

/// The section `kernel` of node.yaml: how much the gates' maps hold, and what of it is one agent's share.
extension NodeConfiguration {
  mutating func setKernel(_ value: ConfigurationValue, _ place: String) throws(TelosError) {
    var (tasks, inodes): (Int?, Int?)
    for member in try value.members() {
      switch member.name {
      case "processes": sizes.processes = try Self.size(member)
      case "files": sizes.files = try Self.size(member)
      case "rules": sizes.rules = try Self.size(member)
      case "windows": sizes.windows = try Self.size(member)
      case "names": sizes.names = try Self.size(member)
      case "processesPerAgent": tasks = try member.integer(16...4_194_304)
      case "filesPerAgent": inodes = try member.integer(64...16_777_216)
      default:
        throw TelosError(
          .invalidArgument, "\(member.place): unknown key \"\(member.name)\" in \"kernel\"",
          hint:
            "known are processes, files, rules, windows, names, processesPerAgent, filesPerAgent")
      }
    }
    quota.tasks = try Self.share(tasks, quota.tasks, sizes.processes, "processes", place)
    quota.inodes = try Self.share(inodes, quota.inodes, sizes.files, "files", place)
  }

  private static func size(_ member: ConfigurationValue) throws(TelosError) -> Int {
    try member.integer(GateSizes.bounds[member.name] ?? 1...Int(UInt32.max))
  }

  /// A share that was not given is the standard one, or all where there is less.
  private static func share(
    _ given: Int?, _ standard: UInt32, _ all: Int, _ name: String, _ place: String
  ) throws(TelosError) -> UInt32 {
    guard let given else { return min(standard, UInt32(all)) }
    guard given > all else { return UInt32(given) }
    throw TelosError(
      .invalidArgument,
      "\(place): one agent's share, \(given) \(name), is more than the \(all) that the node holds",
      hint: "set \(name)PerAgent to at most \(all), or \(name) to at least \(given)")
  }
}
