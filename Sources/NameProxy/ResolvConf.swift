public import AddressSets
internal import TelosCore

/// The servers of a resolv.conf, in its order. Search lists are the client's business: it has put them in already.
public struct ResolvConf: Sendable, Hashable {
  public struct Server: Sendable, Hashable {
    public var address: IPAddress
    /// The interface of a link-local address.
    public var zone: String?

    public init(address: IPAddress, zone: String? = nil) {
      (self.address, self.zone) = (address, zone)
    }

    /// As libunbound takes it.
    public var description: String { zone.map { "\(address)%\($0)" } ?? "\(address)" }
  }

  /// As many as libc asks. Source: resolv.conf(5), MAXNS.
  public static let mostServers = 3

  public var servers: [Server]
  /// The file's `options use-vc`: TCP from the first question on.
  public var usesTCP = false

  public init(servers: [Server], usesTCP: Bool = false) {
    (self.servers, self.usesTCP) = (servers, usesTCP)
  }

  /// Reads a file's text as libc does: what it does not know it passes over. Without a server it means this machine.
  public init(text: String) {
    var servers: [Server] = []
    for line in text.split(whereSeparator: \.isNewline) where line.utf8.count < 4096 {
      let words = line.split { $0 == " " || $0 == "\t" }
      if words.first == "nameserver", words.count > 1 {
        if let server = Self.server(words[1]) { servers.append(server) }
      } else if words.first == "options", words.dropFirst().contains("use-vc") {
        usesTCP = true
      }
    }
    self.servers =
      servers.isEmpty
      ? [Server(address: IPAddress(v4: 0x7f00_0001))] : Array(servers.prefix(Self.mostServers))
  }

  private static func server(_ word: Substring) -> Server? {
    let parts = word.split(separator: "%", maxSplits: 1, omittingEmptySubsequences: false)
    guard let address = try? IPAddress(parts[0]) else { return nil }
    guard parts.count == 2 else { return Server(address: address) }
    // An interface's name goes into libunbound's configuration: nothing may end the word there.
    let zone = parts[1]
    guard (1...15).contains(zone.utf8.count),
      zone.utf8.allSatisfy({
        (0x30...0x39).contains($0) || (0x41...0x5a).contains($0) || (0x61...0x7a).contains($0)
          || [UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_")].contains($0)
      })
    else { return nil }
    return Server(address: address, zone: String(zone))
  }
}
