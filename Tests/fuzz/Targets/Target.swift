import FoundationEssentials
import TelosCore

/// One reader of outside bytes. ``examine`` gives it any bytes: it may refuse them, but neither die, nor hang, nor
/// break a promise about what it takes.
struct Target: Sendable {
  var name: String
  /// Honest inputs, made by the writers themselves.
  var seeds: @Sendable () throws -> [[UInt8]]
  var examine: @Sendable ([UInt8]) -> Void

  func writeSeeds(to folder: String) throws {
    for (index, seed) in try seeds().enumerated() {
      try DurableFile.write(seed, to: "\(folder)/seed-\(index)")
    }
  }
}

let targets =
  intentTargets + trustTargets + addressTargets + eventTargets + identityTargets + nodeTargets
  + coordinatorTargets + nameTargets

/// A promise that the reader made; broken, the process dies, and libFuzzer keeps the input.
func promise(_ kept: @autoclosure () throws -> Bool, _ what: String) rethrows {
  if try !kept() { fatalError("promise broken: \(what)") }
}

func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

/// A whole second, as statements have them.
let someday = Date(timeIntervalSince1970: 1_800_000_000)
