// placeholder: written by the AddressSets work
public struct IPPrefix: Sendable, Hashable, Codable { public init() {} }
