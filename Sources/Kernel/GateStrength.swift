internal import Glibc
internal import TelosCore

/// What one gate is worth on the kernel at hand.
public struct GateStrength: Sendable, Hashable, Codable {
  /// A ``Gate``, by its raw value, or `hyperion`.
  public var gate: String
  public var possible: Bool
  /// What is weaker here than the documentation promises, and why; empty: nothing.
  public var weaker: [String]
}

extension GateStrength {
  /// The kernels that the project's tests boot, by the first two numbers of their release.
  static let tested = ["6.1", "6.12"]

  static func all(
    release: String, gates: Bool, hyperion: Bool, contentHashes: Bool, verity: Bool,
    overlay: Bool = hasOverlay()
  ) -> [GateStrength] {
    Gate.allCases.map { gate in
      GateStrength(
        gate: gate.rawValue, possible: gates,
        weaker: gates ? weaker(gate, release, contentHashes, verity, overlay) : [])
    } + [GateStrength(gate: "hyperion", possible: hyperion, weaker: [])]
  }

  private static func weaker(
    _ gate: Gate, _ release: String, _ contentHashes: Bool, _ verity: Bool, _ overlay: Bool
  ) -> [String] {
    var reasons: [String] = []
    let series = release.split(separator: ".").prefix(2).joined(separator: ".")
    if !tested.contains(series) {
      reasons.append(
        "Telos was not tested on this kernel: \(tested.joined(separator: " and ")) were")
    }
    if gate == .exec && !contentHashes {
      reasons.append("without IMA no content can be hashed: what has a sha256 is refused")
    }
    if gate == .exec && !verity {
      reasons.append(
        "fs-verity digests cannot be read, as Linux 6.9 and later can: what has an fsverity digest "
          + "is refused")
    }
    if (gate == .exec || gate == .file) && !overlay {
      reasons.append(
        "overlayfs is not loaded: agents get nothing on one mounted later, until the gates are "
          + "attached anew")
    }
    return reasons
  }

  /// Built in, or loaded as a module before the gates.
  private static func hasOverlay() -> Bool {
    access("/sys/kernel/btf/overlay", F_OK) == 0 || access("/sys/module/overlay", F_OK) == 0
  }
}
