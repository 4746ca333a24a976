public import Kernel
public import TelosCore

/// Where a daemon finds things: its configuration, and what the command line says over it.
public struct NodeOptions: Sendable, Hashable {
  public var configuration: NodeConfiguration
  public var data: String
  /// The folder of `gates.bpf.o` and `hyperion.bpf.o`.
  public var bpf: String

  public init(
    configuration: NodeConfiguration = NodeConfiguration(), data: String = "/var/lib/telos",
    bpf: String = "/usr/lib/telos/bpf"
  ) {
    self.configuration = configuration
    self.data = data
    self.bpf = bpf
  }

  /// The root of the cgroup2 tree, or the folder that stands in for it.
  public func cgroupRoot() throws(TelosError) -> ControlGroupRoot {
    if let path = configuration.cgroup { return ControlGroupRoot(standIn: path) }
    return try ControlGroupRoot()
  }
}
