internal import ArgumentParser
internal import Trust

/// A role whose versions a root can begin to count anew: every role but the root's own, whose keys are changed with --root-key.
struct EraRoleArgument: ExpressibleByArgument {
  let role: Role

  init?(argument: String) {
    guard let role = Role(rawValue: argument), role != .root else { return nil }
    self.role = role
  }

  static let allValueStrings = Role.allCases.filter { $0 != .root }.map(\.rawValue)
}
