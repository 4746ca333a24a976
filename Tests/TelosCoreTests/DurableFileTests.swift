import FoundationEssentials
import Glibc
import Testing

@testable import TelosCore

@Suite struct DurableFileTests {
  @Test func aFileIsReplacedWholeWithItsMode() throws {
    let folder = "/tmp/telos-core-\(UUID())"
    try FileManager.default.createDirectory(
      atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let path = "\(folder)/key"
    try DurableFile.write(Array("old".utf8), to: path)
    try DurableFile.write(Array("new".utf8), to: path, mode: 0o600)
    #expect(try DurableFile.read(path) == Array("new".utf8))
    var status = stat()
    #expect(stat(path, &status) == 0 && status.st_mode & 0o777 == 0o600)
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["key"])
  }

  @Test func aMissingFileIsNotFoundAndALargeOneIsRefused() throws {
    #expect { try DurableFile.read("/nonexistent/x") } throws: {
      ($0 as? TelosError)?.code == .notFound
    }
    #expect { try DurableFile.read("/proc/self/maps", limit: 10) } throws: {
      ($0 as? TelosError)?.code == .invalidArgument
    }
  }
}

@Suite struct TextTests {
  @Test func digestsReadAndWriteHex() throws {
    let digest = Digest(of: Array("abc".utf8))
    #expect(
      digest.description
        == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    #expect(Digest(hex: digest.description) == digest)
    #expect(Digest(hex: "zz") == nil)
    #expect(
      try JSONDecoder().decode(Digest.self, from: JSONEncoder().encode(digest)) == digest)
  }

  @Test func timesAreRFC3339() throws {
    let date = try #require(Date(rfc3339: "2026-11-23T12:00:00Z"))
    #expect(date.rfc3339 == "2026-11-23T12:00:00Z")
    #expect(
      Date(rfc3339: "2026-11-23T12:00:00.250Z")?.rfc3339Milliseconds == "2026-11-23T12:00:00.250Z")
    #expect(Date(rfc3339: "yesterday") == nil)
  }

  @Test func anEmptySelectorChoosesEveryNode() {
    #expect(LabelSelector().matches(["a": "b"]))
    #expect(!LabelSelector(["a": "c"]).matches(["a": "b"]))
  }
}
