import Testing

@testable import NameVerdicts

@Suite("edits of one change")
struct EditTests {
  private func change(_ original: String, _ text: String, simple: Bool = false) -> Edit.Change? {
    Edit(from: Array(original.utf8), to: Array(text.utf8), simple: simple)?.change
  }

  @Test func eachChangeIsNamed() {
    #expect(change("github", "githubs") == .added("s"))
    #expect(change("github", "gthub") == .omitted("i"))
    #expect(change("github", "gitnub") == .replaced("h", by: "n"))
    #expect(change("github", "gihtub") == .turned("th"))
    #expect(change("google", "geegle") == .replaced("oo", by: "ee"))
    #expect(change("boxcar", "boxescar") == .added("es"))
    #expect(change("databricks", "daitabrcks") == .moved("i"))
    #expect(change("databricks", "atadbricks") == .moved("d"))
  }

  @Test func whatIsMoreThanOneChangeIsNone() {
    for text in ["github", "gthb", "gitlab", "githubxy", "tighub", "hubgit"] {
      #expect(change("github", text) == nil, "\(text)")
    }
    #expect(change("google", "geegle", simple: true) == nil)
    #expect(change("site45", "site46") == nil)
  }

  /// The index finds what the comparison accepts: every single change of a label, made one by one.
  @Test func everySingleChangeOfALabelIsFound() throws {
    let label = Array("kubernetes".utf8)
    let list = try WatchList(
      Array("version 1\n[protected]\nkubernetes.io\n".utf8), suffixes: .builtIn())
    var made: Set<[UInt8]> = []
    for place in 0...label.count {
      for letter in Array("abcdefghijklmnopqrstuvwxyz0123456789".utf8) {
        made.insert(Array(label[..<place]) + [letter] + Array(label[place...]))
        if place < label.count {
          made.insert(Array(label[..<place]) + [letter] + Array(label[(place + 1)...]))
        }
      }
      if place < label.count { made.insert(Array(label[..<place]) + Array(label[(place + 1)...])) }
      if place + 1 < label.count {
        made.insert(
          Array(label[..<place]) + [label[place + 1], label[place]] + Array(label[(place + 2)...]))
      }
    }
    made.remove(label)
    #expect(made.count > 700)
    for text in made {
      let name = String(decoding: text, as: UTF8.self) + ".io"
      #expect(NameVerdict(judging: name, with: list).kind != .plain, "\(name)")
    }
  }
}
