internal import Glibc
internal import NameProxy
internal import Operations
internal import TelosCore

/// The proxy's sockets in the hands of the service manager: they outlive the daemon, and what is asked meanwhile waits in them.
enum SocketStore {
  private static let prefix = "names"

  /// What an earlier daemon left, read once in a process.
  static let inherited: [NameService.Place: ProxySockets] = {
    var found: [NameService.Place: [ProxySockets.Kind: Int32]] = [:]
    for (name, descriptor) in ServiceNotification.stored() {
      let words = name.split(separator: "-")
      guard words.count == 4, words[0] == prefix, let network = UInt64(words[1]),
        let port = UInt16(words[2]), let kind = ProxySockets.Kind(rawValue: "\(words[3])"),
        found[.init(network: network, port: port)]?[kind] == nil
      else {
        close(descriptor)
        continue
      }
      found[.init(network: network, port: port), default: [:]][kind] = descriptor
    }
    return found.reduce(into: [:]) { result, one in
      result[one.key] = ProxySockets.adopt(
        network: one.key.network, port: one.key.port, one.value)
    }
  }()

  static func keep(_ sockets: ProxySockets, _ service: ServiceNotification) {
    for (kind, descriptor) in sockets.descriptors {
      service.store(descriptor, as: name(sockets.network, sockets.port, kind))
    }
  }

  static func forget(_ network: UInt64, _ port: UInt16, _ service: ServiceNotification) {
    for kind in ProxySockets.Kind.allCases { service.unstore(name(network, port, kind)) }
  }

  private static func name(_ network: UInt64, _ port: UInt16, _ kind: ProxySockets.Kind) -> String {
    "\(prefix)-\(network)-\(port)-\(kind.rawValue)"
  }
}
