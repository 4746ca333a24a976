internal import CSockets
internal import Glibc
public import TelosCore

/// Where the sockets of the proxy wait while no daemon runs: the service manager's store of descriptors, see FDSTORE in
/// sd_notify(3) and FileDescriptorStoreMax in systemd.service(5). Questions wait in the sockets meanwhile.
public struct DescriptorStore: Sendable {
  private let address: String?

  /// - Parameter environment: that of the process. Without `NOTIFY_SOCKET` nothing is kept: sockets end with the process.
  public init(_ environment: [String: String]) {
    address = environment["NOTIFY_SOCKET"].flatMap { $0.isEmpty ? nil : $0 }
  }

  public var isThere: Bool { address != nil }

  /// Leaves copies of the sockets there.
  public func keep(_ sockets: ProxySockets) throws(TelosError) {
    guard let address else { return }
    for (kind, descriptor) in sockets.descriptors {
      // Polled, it would be taken out when a client's error shows on it.
      let text = "FDSTORE=1\nFDPOLL=0\nFDNAME=\(Self.name(sockets, kind))"
      guard csockets_hand_over(address, text, descriptor) == 0 else {
        throw TelosError(
          .unavailable,
          "the service manager did not take a socket of the proxy of names: \(String(cString: strerror(errno)))"
        )
      }
    }
  }

  /// Has the copies closed, where the network name space is not needed any more.
  public func forget(_ sockets: ProxySockets) {
    guard let address else { return }
    for kind in sockets.descriptors.keys {
      _ = csockets_hand_over(address, "FDSTOREREMOVE=1\nFDNAME=\(Self.name(sockets, kind))", -1)
    }
  }

  /// The sockets that a daemon before this one left, and that the service manager passed on at the start. To be called once, before
  /// the process starts another: the descriptors become this process's own.
  public static func inherited(_ environment: [String: String]) -> [ProxySockets] {
    guard let count = environment["LISTEN_FDS"].flatMap({ Int32($0) }), count > 0, count < 65536,
      environment["LISTEN_PID"].map({ $0 == "\(getpid())" }) ?? true
    else { return [] }
    let names = (environment["LISTEN_FDNAMES"] ?? "")
      .split(separator: ":", omittingEmptySubsequences: false)
    struct Place: Hashable {
      var network: UInt64
      var port: UInt16
    }
    var found: [Place: [ProxySockets.Kind: Int32]] = [:]
    for (index, name) in names.prefix(Int(count)).enumerated() {
      let words = name.split(separator: "-")
      guard words.count == 4, words[0] == "names",
        let kind = ProxySockets.Kind(rawValue: "\(words[1])"),
        let network = UInt64(words[2]), let port = UInt16(words[3])
      else { continue }
      let descriptor = 3 + Int32(index)
      guard fcntl(descriptor, F_SETFD, FD_CLOEXEC) == 0 else { continue }
      let place = Place(network: network, port: port)
      if let twice = found[place, default: [:]].updateValue(descriptor, forKey: kind) {
        close(twice)
      }
    }
    return found.compactMap { ProxySockets.adopt(network: $0.network, port: $0.port, $1) }
      // The number may be another name space's by now.
      .filter { (try? $0.namespace().number) == $0.network }
      .sorted { $0.network < $1.network }
  }

  private static func name(_ sockets: ProxySockets, _ kind: ProxySockets.Kind) -> String {
    "names-\(kind.rawValue)-\(sockets.network)-\(sockets.port)"
  }
}
