public import AddressSets
internal import FoundationEssentials
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
    case "log": logLevel = try value.string()
    default:
      throw TelosError(
        .invalidArgument, "\(place): unknown key \"\(name)\"",
        hint:
          "known are labels, interfaces, coordinators, neverBlock, socket, group, cgroup, bpffs, metrics, spoolMiB, log"
      )
    }
  }
}

/// One value of the file, with its place for messages.
private struct ConfigurationValue {
  var name: String
  var place: String
  var node: Node

  private func bad(_ wanted: String) -> TelosError {
    TelosError(.invalidArgument, "\(place): \"\(name)\" takes \(wanted)")
  }

  func string() throws(TelosError) -> String {
    guard let text = node.scalar?.string else { throw bad("one text") }
    return text
  }

  func absolutePath() throws(TelosError) -> String {
    let path = try string()
    guard path.hasPrefix("/") else { throw bad("an absolute path") }
    return path
  }

  func integer(_ range: ClosedRange<Int>) throws(TelosError) -> Int {
    guard let value = Int(try string()), range.contains(value) else {
      throw bad("a whole number from \(range.lowerBound) to \(range.upperBound)")
    }
    return value
  }

  func strings() throws(TelosError) -> [String] {
    guard let sequence = node.sequence else { throw bad("a list of texts") }
    var values: [String] = []
    for item in sequence {
      guard let text = item.scalar?.string else { throw bad("a list of texts") }
      values.append(text)
    }
    return values
  }

  func labels() throws(TelosError) -> Labels {
    guard let mapping = node.mapping else { throw bad("keys and values") }
    var labels: Labels = [:]
    for (key, value) in mapping {
      guard let key = key.scalar?.string, let value = value.scalar?.string else {
        throw bad("keys and values that are text")
      }
      labels[key] = value
    }
    return labels
  }
}
