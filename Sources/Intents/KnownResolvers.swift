internal import AddressSets

/// Resolvers for everybody that answer over HTTPS (443) or TLS (853), where nobody on the way sees which names.
///
/// Source: what each operator publishes; by 2026-11. The list is for warnings alone: it can never be complete.
enum KnownResolvers {
  struct Operator {
    var name: String
    var hosts: [String]
    var addresses: [IPPrefix]

    init(_ name: String, _ hosts: [String], _ addresses: [String]) {
      self.name = name
      self.hosts = hosts
      self.addresses = addresses.map { text in
        guard let prefix = try? IPPrefix(text) else { preconditionFailure("\(text) is no address") }
        return prefix
      }
    }
  }

  static let ports = [PortRange(first: 443, last: 443), PortRange(first: 853, last: 853)]

  static let all = [
    Operator(
      "Cloudflare", ["cloudflare-dns.com", "one.one.one.one", "cloudflare-gateway.com"],
      [
        "1.1.1.1", "1.0.0.1", "1.1.1.2", "1.0.0.2", "1.1.1.3", "1.0.0.3", "2606:4700:4700::1111",
        "2606:4700:4700::1001",
      ]),
    Operator(
      "Google", ["dns.google", "dns.google.com"],
      ["8.8.8.8", "8.8.4.4", "2001:4860:4860::8888", "2001:4860:4860::8844"]),
    Operator(
      "Quad9", ["dns.quad9.net"], ["9.9.9.9", "149.112.112.112", "2620:fe::fe", "2620:fe::9"]),
    Operator(
      "OpenDNS", ["doh.opendns.com", "dns.opendns.com"],
      ["208.67.222.222", "208.67.220.220", "2620:119:35::35", "2620:119:53::53"]),
    Operator(
      "AdGuard", ["dns.adguard-dns.com", "dns.adguard.com"],
      ["94.140.14.14", "94.140.15.15", "2a10:50c0::ad1:ff", "2a10:50c0::ad2:ff"]),
    Operator("NextDNS", ["dns.nextdns.io"], ["45.90.28.0/24", "45.90.30.0/24", "2a07:a8c0::/32"]),
    Operator("Mullvad", ["dns.mullvad.net"], ["194.242.2.2", "2a07:e340::2"]),
    Operator(
      "CleanBrowsing", ["doh.cleanbrowsing.org"], ["185.228.168.9", "185.228.169.9"]),
    Operator("DNS.SB", ["doh.dns.sb"], ["185.222.222.222", "45.11.45.11"]),
    Operator(
      "Control D", ["freedns.controld.com", "dns.controld.com"], ["76.76.2.0", "76.76.10.0"]),
    Operator("Alibaba", ["dns.alidns.com"], ["223.5.5.5", "223.6.6.6"]),
    Operator("DNSPod", ["doh.pub", "dns.pub"], ["1.12.12.12", "120.53.53.53"]),
    Operator("Yandex", ["common.dot.dns.yandex.net"], ["77.88.8.8", "77.88.8.1"]),
  ]

  /// Whose a destination reaches.
  static func met(by entry: Intent.Destination) -> [String] {
    guard !PortRange.intersection(entry.ports ?? [.all], ports).isEmpty else { return [] }
    return all.filter { one in
      switch entry.target {
      case .cidr(let prefix): one.addresses.contains { $0.overlaps(prefix) }
      case .host(let host):
        one.hosts.contains { name in
          (try? HostPattern(name)).map { host.contains($0) || HostPattern.isBelow(host.name, name) }
            ?? false
        }
      }
    }.map(\.name)
  }
}
