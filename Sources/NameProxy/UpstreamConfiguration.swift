/// Where names are looked up: servers that the daemon was told of, never any that an agent names.
public struct UpstreamConfiguration: Sendable, Hashable {
  public struct Server: Sendable, Hashable {
    public var server: ResolvConf.Server
    public var port: UInt16

    public init(_ server: ResolvConf.Server, port: UInt16 = 53) {
      (self.server, self.port) = (server, port)
    }
  }

  public var servers: [Server]
  public var usesTCP: Bool
  /// A file with the root's keys, to check every answer against; nil checks nothing. A forwarder that knows no EDNS then
  /// answers nothing at all.
  public var trustAnchors: String?
  /// Bytes of libunbound's cache of records; that of whole answers has half of it.
  public var cacheBytes: Int

  public init(
    servers: [Server], usesTCP: Bool = false, trustAnchors: String? = nil,
    cacheBytes: Int = 4 << 20
  ) {
    self.servers = servers
    self.usesTCP = usesTCP
    self.trustAnchors = trustAnchors
    self.cacheBytes = cacheBytes
  }

  public init(_ file: ResolvConf, trustAnchors: String? = nil) {
    self.init(
      servers: file.servers.map { Server($0) }, usesTCP: file.usesTCP, trustAnchors: trustAnchors)
  }

  /// A name that every context answers by itself, at once: the first question starts libunbound's thread.
  static let ownName = "context.telos.invalid"

  /// unbound.conf(5).
  var text: String {
    let list = servers.map { "  forward-addr: \($0.server.description)@\($0.port)" }
    return """
      server:
        module-config: "\(trustAnchors == nil ? "iterator" : "validator iterator")"
        use-syslog: no
        verbosity: 0
        do-not-query-localhost: no
        do-ip6: yes
        edns-buffer-size: 1232
        tcp-upstream: \(usesTCP ? "yes" : "no")
        outgoing-range: 1024
        outgoing-num-tcp: 64
        num-queries-per-thread: 1024
        rrset-cache-size: \(cacheBytes)
        msg-cache-size: \(cacheBytes / 2)
        key-cache-size: \(cacheBytes / 8)
        neg-cache-size: \(cacheBytes / 8)
        cache-max-ttl: 86400
        cache-max-negative-ttl: \(UpstreamAnswer.mostNegativeSeconds)
        # A server that was away for a while is asked again soon.
        infra-host-ttl: 60
        infra-cache-max-rtt: 2000
        infra-keep-probing: yes
        # Every name is the servers' to answer, also those that libunbound would answer by itself.
        unblock-lan-zones: yes
        local-zone: "test." nodefault
        local-zone: "home.arpa." nodefault
        local-zone: "onion." nodefault
        local-zone: "\(Self.ownName)." static
      \(trustAnchors.map { "  trust-anchor-file: \"\($0)\"\n" } ?? "")
      forward-zone:
        name: "."
      \(list.joined(separator: "\n"))

      """
  }
}
