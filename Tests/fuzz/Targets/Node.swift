import AddressSets
import FoundationEssentials
import TelosAPI
import TelosCore

@testable import Node

private let configuration = """
  labels: {role: agents, zone: a}
  interfaces: [eth0]
  coordinators: ["coordinator.example:7443", "[2001:db8::1]:7443"]
  neverBlock: [192.0.2.0/24]
  group: telos
  socket: /run/telos/telos.sock
  cgroup: /sys/fs/cgroup/x
  bpffs: /sys/fs/bpf
  metrics: 127.0.0.1:7446
  spoolMiB: 256
  log: info
  """

private let request = """
  {"intent":"read-logs","ttlSeconds":60,"argv":["cat","/var/log/syslog"],"cwd":"/root",\
  "env":{"PATH":"/usr/bin:/bin"}}
  """

private let machine = """
  nameserver 192.0.2.53
  nameserver fe80::1%eth0
  Iface\tDestination\tGateway\tFlags\tRefCnt
  eth0\t00000000\t010200C0\t0003\t0
  00000000000000000000000000000000 00 00000000000000000000000000000000 00 \
  fe800000000000000000000000000001 00000400 00000001 00000000 00000003 eth0

  """

let nodeTargets = [
  Target(name: "node-yaml", seeds: { [Array(configuration.utf8)] }) { bytes in
    guard let read = try? NodeConfiguration(yaml: text(bytes), path: "node.yaml") else { return }
    promise(read.spoolBytes > 0, "a spool has room")
    promise(read.socket.hasPrefix("/") && read.bpffs.hasPrefix("/"), "paths are absolute")
    for name in read.coordinators + [read.metrics] {
      guard let endpoint = try? Endpoint(name) else { continue }
      promise((try? Endpoint("\(endpoint)")) == endpoint, "an endpoint is read back")
    }
  },
  Target(name: "run-request", seeds: { [Array(request.utf8)] }) { bytes in
    guard let read = try? JSONDecoder().decode(RunRequest.self, from: Data(bytes)),
      (try? read.check()) != nil
    else { return }
    promise(read.argv.first?.isEmpty == false && read.cwd.isAbsolute, "it can be started")
    promise(!read.argv.contains { $0.bytes.contains(0) }, "C sees the whole path")
  },
  // resolv.conf and the kernel's route tables: containers and DHCP servers write the former.
  Target(name: "resolvers", seeds: { [Array(machine.utf8)] }) { bytes in
    let machine = text(bytes)
    let found =
      LocalNeverBlock.resolvers(machine) + LocalNeverBlock.gateways4(machine)
      + LocalNeverBlock.gateways6(machine)
    for address in found {
      promise((try? IPAddress("\(address)")) == address, "an address is read back")
    }
  },
]
