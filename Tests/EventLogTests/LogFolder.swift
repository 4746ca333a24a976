import EventLog
import FleetWire
import FoundationEssentials
import Glibc
import SwiftProtobuf
import TelosCore

/// A folder of its own for each test, removed at the end.
func withFolder<R>(_ body: (String) async throws -> R) async throws -> R {
  var template = Array("/tmp/telos-log-XXXXXX".utf8CString)
  guard let made = mkdtemp(&template) else { throw TelosError(.internalError, "mkdtemp") }
  let folder = String(cString: made)
  defer { try? FileManager.default.removeItem(atPath: folder) }
  return try await body(folder)
}

func event(_ kind: String = "denied", detail: String = "x") -> Telos_Fleet_V1_Event {
  .with {
    $0.kind = kind
    $0.detail = detail
    $0.count = 1
  }
}

func files(_ folder: String) throws -> [String] {
  try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
}
