internal import ArgumentParser
internal import Trust

/// A role by its name in a root.
struct RoleArgument: ExpressibleByArgument {
  let role: Role

  init?(argument: String) {
    guard let role = Role(rawValue: argument) else { return nil }
    self.role = role
  }

  static let allValueStrings = Role.allCases.map(\.rawValue)
}
