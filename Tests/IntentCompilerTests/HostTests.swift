import AddressSets
import CTelosABI
import Intents
import Kernel
import TelosCore
import Testing

@testable import IntentCompiler

@Suite struct HostTests {
  let sandbox: Sandbox
  init() throws { sandbox = try Sandbox() }

  static let network = """
    network:
      allow:
        - {host: api.example.org, ports: [443], protocols: [tcp], ttl: 60s}
        - {host: "*.corp.example", ports: [5432, 443], protocols: [tcp], private: true}
        - {cidr: 203.0.113.0/24, ports: [80], protocols: [tcp]}
      reachableWhileTainted: [{host: api.example.org, ports: [443], protocols: [tcp]}]
      sensitive: [{cidr: 198.51.100.0/24}]
    """

  func windows(_ result: IntentCompiler.Result) -> [String: [String]] {
    Dictionary(
      uniqueKeysWithValues: result.policy.windows.filter { !$0.ports.contains(where: \.sensitive) }
        .map { window in
          (
            "\(window.prefix)",
            window.ports.map {
              "\($0.first)\($0.whileTainted ? " kept" : "")\($0.expires == 0 ? "" : " ends")"
            }
          )
        })
  }

  @Test("A permitted name of /etc/hosts is open from the start, as nobody is asked for it")
  func known() throws {
    sandbox.write(
      """
      127.0.0.1 localhost
      # a comment 192.0.2.9 api.example.org
      203.0.113.7\tAPI.example.org. alias.example.org # the API
      2001:db8::7 api.example.org
      10.1.2.3 db.corp.example other.example
      not.an.address api.example.org
      fe80::1%eth0 api.example.org
      192.0.2.4 api.example.orgx
      192.0.2.5
      """, "/etc/hosts")
    let result = try sandbox.compile(Self.network)
    #expect(
      windows(result) == [
        "203.0.113.0/24": ["80"], "203.0.113.7": ["80", "443 kept"], "2001:db8::7": ["443 kept"],
        "10.1.2.3": ["443", "5432"],
      ])
    #expect(result.notes.isEmpty && result.policy.hasNames)
  }

  @Test("What a name may not open is left out with the reason")
  func refused() throws {
    sandbox.write(
      "127.0.0.1 api.example.org\n10.0.0.9 api.example.org\n198.51.100.4 api.example.org\n"
        + "169.254.169.254 x.corp.example\n", "/etc/hosts")
    let result = try sandbox.compile(Self.network)
    #expect(windows(result) == ["203.0.113.0/24": ["80"]])
    #expect(result.notes.count == 4 && result.notes.allSatisfy { $0.hasPrefix("/etc/hosts: ") })
    for (note, part) in zip(
      result.notes,
      ["network.allow needs a cidr entry", "private: true", "network.sensitive", "169.254.169.254"])
    {
      #expect(note.contains(part), "\(note)")
    }
  }

  @Test(
    "A file that the agent may write opens nothing",
    arguments: ["/etc/**", "/etc/hosts", "/srv/real/**", "/etc/alias"])
  func writable(root: String) throws {
    sandbox.makeFolder("/srv/real")
    sandbox.write("203.0.113.7 api.example.org\n", "/srv/real/hosts")
    sandbox.link("/srv/real/hosts", "/etc/hosts")
    sandbox.link("/srv/real/hosts", "/etc/alias")
    let safe = try sandbox.compile(Self.network + "\nfiles: {write: [\"/srv/work/**\"]}")
    #expect(windows(safe)["203.0.113.7"] == ["80", "443 kept"])
    let result = try sandbox.compile(Self.network + "\nfiles: {write: [\"\(root)\"]}")
    #expect(windows(result)["203.0.113.7"] == nil)
    #expect(result.notes.contains { $0.contains("the agent may write it") }, "\(result.notes)")
  }

  @Test(
    "Without hosts in the intent the file says nothing, and a list of what to block is not read")
  func bounds() throws {
    sandbox.write("203.0.113.7 api.example.org\n", "/etc/hosts")
    let plain = try sandbox.compile("network: {allow: [{cidr: 192.0.2.1, ports: [80]}]}")
    #expect(windows(plain) == ["192.0.2.1": ["80"]])
    let lines = (0..<1100).map { "203.0.\(113 + $0 / 256).\($0 % 256) h\($0).corp.example\n" }
    sandbox.write(lines.joined(), "/etc/hosts")
    let many = try sandbox.compile(Self.network)
    #expect(windows(many).count == 1025)
    #expect(
      many.notes == ["/etc/hosts: only the first 1024 names that the intent permits are opened"])
    let block = String(repeating: "0.0.0.0 ads.example.net\n", count: 50_000)
    sandbox.write(block + "203.0.113.7 api.example.org\n", "/etc/hosts")
    let large = try sandbox.compile(Self.network)
    #expect(windows(large) == ["203.0.113.0/24": ["80"]])
    #expect(large.notes.first?.contains("larger than") == true)
  }

  @Test(
    "Names that share an address share the eight rules of the kernel, and the bound of a name is the kernel's"
  )
  func crowded() throws {
    #expect(NameRule.maximumOpenings == Int(TELOS_PORTS))
    sandbox.write("203.0.113.7 a.example.org b.example.org\n", "/etc/hosts")
    let spec = """
      network:
        allow:
          - {host: a.example.org, ports: [1, 3, 5, 7, 9]}
          - {host: b.example.org, ports: [11, 13, 15, 17]}
      """
    let error = refusal { _ = try sandbox.compile(spec) }
    #expect(error?.message.contains("9 port rules meet at 203.0.113.7") == true)
  }
}
