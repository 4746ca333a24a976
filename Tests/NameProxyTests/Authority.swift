import Glibc

/// A real authority, NLnet Labs' nsd, on a port of 127.0.0.1: what a resolver of the host would be for the proxy.
final class Authority: Sendable {
  let port: UInt16
  private let folder: Folder
  private let child: Child

  init(port: UInt16? = nil, zone: String = Authority.zone) throws {
    let folder = try Folder()
    let port = try port ?? freePort()
    try folder.write("lab.zone", zone)
    try folder.write(
      "nsd.conf",
      """
      server:
        ip-address: 127.0.0.1@\(port)
        username: ""
        zonesdir: "\(folder.path)"
        pidfile: "\(folder.path)/pid"
        xfrdfile: "\(folder.path)/xfrd"
        zonelistfile: "\(folder.path)/list"
        xfrdir: "\(folder.path)"
        database: ""
        logfile: "\(folder.path)/log"
        server-count: 1
        rrl-ratelimit: 0
      remote-control:
        control-enable: no
      zone:
        name: "."
        zonefile: "lab.zone"

      """)
    (self.folder, self.port) = (folder, port)
    child = try Child(["nsd", "-d", "-c", "\(folder.path)/nsd.conf"], output: "\(folder.path)/out")
    for _ in 0..<100 {
      let client = try Client(port: port, mark: 0)
      if (try? client.ask("ns.lab.example", milliseconds: 50))?.code == 0 { return }
      usleep(30_000)
    }
    throw Failed(
      what:
        "nsd does not answer: \(try output(of: "cat", "\(folder.path)/log", "\(folder.path)/out"))")
  }

  /// Stops answering, or goes on, without closing anything.
  func freeze(_ isFrozen: Bool) {
    child.signal(isFrozen ? SIGSTOP : SIGCONT)
  }

  /// For tests that leave it alone. It ends with the process that runs them.
  static let shared = Result { try Authority() }

  static let zone = """
    $TTL 300
    . SOA ns.lab.example. x. 1 3600 600 86400 7
    . NS ns.lab.example.
    ns.lab.example. A 192.0.2.53
    www.lab.example. A 192.0.2.10
    www.lab.example. AAAA 2001:db8::10
    only4.lab.example. A 192.0.2.11
    brief.lab.example. 5 A 192.0.2.12
    zero.lab.example. 0 A 192.0.2.13
    long.lab.example. 2147483647 A 192.0.2.14
    alias.lab.example. CNAME target.denied.example.
    target.denied.example. 20 A 192.0.2.20
    loop.lab.example. CNAME pool.lab.example.
    pool.lab.example. CNAME loop.lab.example.
    \((0..<20).map { "link\($0).lab.example. CNAME link\($0 + 1).lab.example." }.joined(separator: "\n"))
    link20.lab.example. A 192.0.2.21
    \((0..<410).map { "many.lab.example. A 198.51.\(100 + $0 / 256).\($0 % 256)" }.joined(separator: "\n"))
    corp.lab.example. A 10.1.2.3
    half.lab.example. A 10.1.2.4
    half.lab.example. A 192.0.2.30
    own.lab.example. A 127.0.0.1
    link.lab.example. A 169.254.169.254
    nobody.lab.example. A 0.0.0.0
    six.lab.example. AAAA ::ffff:127.0.0.1
    six.lab.example. AAAA 64:ff9b::7f00:1
    six.lab.example. AAAA ::
    six.lab.example. AAAA ::1
    six.lab.example. AAAA fe80::1
    six.lab.example. AAAA fd00:ec2::254
    six.lab.example. AAAA 2002:a00:1::1
    nat64.lab.example. AAAA 64:ff9b::c000:21e
    txt.lab.example. TXT "words"
    mail.lab.example. MX 10 www.lab.example.
    web.lab.example. A 192.0.2.40
    web.lab.example. TYPE65 \\# 3 000100
    *.wild.example. A 192.0.2.50
    fresh.lab.example. A 192.0.2.60
    _sip._tcp.lab.example. SRV 1 1 5060 www.lab.example.

    """
}
