@testable import NameProxy

/// Honest messages: a question with EDNS, and answers with a chain, with addresses and with nothing.
private let question: [UInt8] =
  [0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 1] + name("wWw.lab.example") + [0, 1, 0, 1]
  + [0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 4, 0, 10, 0, 0]

private func name(_ text: String) -> [UInt8] {
  text.split(separator: ".").flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) } + [0]
}

private let chain: [UInt8] =
  [0, 0, 0x81, 0x80, 0, 1, 0, 2, 0, 0, 0, 0] + name("www.lab.example") + [0, 1, 0, 1]
  + [0xc0, 12, 0, 5, 0, 1, 0, 0, 0, 60, 0, 6, 3] + Array("cdn".utf8) + [0xc0, 16]
  + [0xc0, 45, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 1]

private let nothing: [UInt8] =
  [0, 0, 0x81, 0x83, 0, 1, 0, 0, 0, 1, 0, 0] + name("www.lab.example") + [0, 1, 0, 1]
  + [0, 0, 6, 0, 1, 0, 0, 0, 60, 0, 22, 0, 0] + [UInt8](repeating: 1, count: 20)

let nameTargets = [
  Target(name: "dns-question", seeds: { [question] }) { bytes in
    bytes.withUnsafeBufferPointer { message in
      switch Query.read(message) {
      case .ignored: break
      case .malformed(let answer):
        promise(
          answer.count >= 12 && answer[0] == bytes[0] && answer[1] == bytes[1], "the id is its own")
        promise(answer[2] & 0x80 != 0, "an answer says that it is one")
      case .query(let query):
        promise(query.question.name.bytes.count <= 255, "a name has 255 bytes at most")
        if let text = query.question.name.text {
          promise(WireName(text) == query.question.name, "a name that reads as text is that name")
        }
        let reply = Reply(question: query.question, code: .nameError, negativeSeconds: 2)
        let limit = max(512, min(Int(query.datagramLimit ?? 512), Reply.mostDatagram))
        promise(reply.bytes(for: query).count <= limit, "an answer fits what the client takes")
        promise(
          reply.bytes(for: query, seconds: 1).starts(with: bytes.prefix(2)), "the id is its own")
      }
    }
  },
  Target(name: "dns-answer", seeds: { [chain, nothing] }) { bytes in
    guard let name = WireName("www.lab.example") else { return }
    for type in [RecordType.a, .aaaa, .cname] {
      let question = Question(name: name, type: type)
      bytes.withUnsafeBufferPointer { message in
        guard let answer = UpstreamAnswer(message, to: question) else { return }
        promise(answer.seconds <= Int32.max, "a time to live is a number of seconds")
        let open = answer.addresses
        let written = answer.message(.noError, admits: { _ in true }, negativeSeconds: nil)
        let again = written.withUnsafeBufferPointer { UpstreamAnswer($0, to: question) }
        promise(again?.addresses == open, "what is handed on has the same addresses")
        let none = answer.message(.noError, admits: { _ in false }, negativeSeconds: 2)
        let empty = none.withUnsafeBufferPointer { UpstreamAnswer($0, to: question) }
        promise(empty?.addresses.isEmpty == true, "what is kept from an agent is not in its answer")
      }
    }
  },
  Target(
    name: "resolv-conf",
    seeds: {
      [
        Array(
          "search lab.example\nnameserver 192.0.2.1\nnameserver fe80::1%eth0\noptions use-vc\n".utf8
        )
      ]
    }
  ) { bytes in
    let file = ResolvConf(text: text(bytes))
    promise((1...ResolvConf.mostServers).contains(file.servers.count), "there is a server to ask")
    let lines = UpstreamConfiguration(file).text.split(separator: "\n")
    let servers = lines.filter { $0.hasPrefix("  forward-addr: ") }
    promise(
      servers.count == file.servers.count, "a server is one line of libunbound's configuration")
    promise(
      servers.allSatisfy { !$0.dropFirst(16).contains(" ") && !$0.contains("\"") }, "and one word")
  },
]
