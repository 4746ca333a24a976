public import AddressSets
internal import FoundationEssentials
public import Kernel
public import TelosCore
internal import Yams

/// `/etc/telos/node.yaml`. Every key may be absent; unknown keys are refused.
public struct NodeConfiguration: Sendable, Hashable {
  /// Offered at enrolment, bounded by the token; afterwards what was enrolled counts.
  public var labels: Labels = [:]
  /// Where Hyperion's XDP program is attached; empty: every interface that is up, without loopback.
  public var interfaces: [String] = []
  /// Where the node finds its coordinators, HOST:PORT; empty: those of the join token.
  public var coordinators: [String] = []
  /// Never blocked here, whatever the fleet's sets say; beside loopback, coordinators, resolvers and gateways.
  public var neverBlock: [IPPrefix] = []
  /// Path of the control socket.
  public var socket = "/run/telos/telos.sock"
  /// The group whose members may start agents.
  public var group = "telos"
  /// A cgroup2 folder that stands in for the root of the tree (for tests: only its processes are seen); nil: the root.
  public var cgroup: String?
  /// The BPF file system below which programs, links and maps are pinned.
  public var bpffs = "/sys/fs/bpf"
  /// Loopback address and port of `/metrics`, `/live` and `/ready`; port 0 turns them off.
  public var metrics = "127.0.0.1:7446"
  /// Bytes of events that are kept while no coordinator can be reached.
  public var spoolBytes = 256 << 20
  /// How much the gates' maps hold.
  public var sizes = GateSizes()
  /// Each agent's share of them.
  public var quota = AgentQuota()
  /// trace, debug, info, notice, warning, error, critical
  public var logLevel = "info"

  public init() {}

  /// Reads YAML text. Throws with the key at fault and what it takes.
  public init(yaml: String, path: String) throws(TelosError) {
    guard yaml.utf8.count <= 1 << 20 else {
      throw TelosError(.invalidArgument, "\(path) is larger than 1 MiB")
    }
    let root: Node?
    do { root = try Yams.compose(yaml: yaml) } catch {
      throw TelosError(.invalidArgument, "\(path) is not YAML: \(error)")
    }
    guard let root, root != Node("", Tag(.null)) else { return }
    guard let mapping = root.mapping else {
      throw TelosError(.invalidArgument, "\(path) is not a list of keys and values")
    }
    for (key, value) in mapping {
      let name = key.string ?? ""
      let place = key.mark.map { "\(path):\($0.line)" } ?? path
      let reader = ConfigurationValue(name: name, place: place, node: value)
      try set(name, reader, place)
    }
  }

  private mutating func set(_ name: String, _ value: ConfigurationValue, _ place: String)
    throws(TelosError)
  {
    switch name {
    case "labels": labels = try value.labels()
    case "interfaces": interfaces = try value.strings()
    case "coordinators": coordinators = try value.strings()
    case "neverBlock":
      neverBlock = []
      for text in try value.strings() {
        do { neverBlock.append(try IPPrefix(text)) } catch {
          throw TelosError(.invalidArgument, "\(place): \(error.message)", hint: error.hint)
        }
      }
    case "socket": socket = try value.absolutePath()
    case "group": group = try value.string()
    case "cgroup": cgroup = try value.absolutePath()
    case "bpffs": bpffs = try value.absolutePath()
    case "metrics": metrics = try value.string()
    case "spoolMiB": spoolBytes = try value.integer(1...(1 << 20)) << 20
    case "kernel": try setKernel(value, place)
    case "log": logLevel = try value.string()
    default:
      throw TelosError(
        .invalidArgument, "\(place): unknown key \"\(name)\"",
        hint:
          "known are labels, interfaces, coordinators, neverBlock, socket, group, cgroup, bpffs, metrics, spoolMiB, kernel, log"
      )
    }
  }
}
