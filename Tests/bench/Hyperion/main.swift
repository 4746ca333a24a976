// Hyperion's decision in native nanoseconds: `telos-bench OBJECT [REPORT]`. Needs root; attaches nothing.
import BPFKit
import CTelosABI
import FoundationEssentials
import Glibc
import TelosCore

struct Row {
  var what: String
  var nanoseconds: [Double]

  var median: Double { nanoseconds.sorted()[nanoseconds.count / 2] }
  var least: Double { nanoseconds.min() ?? 0 }
}

enum Family: String { case v4 = "IPv4", v6 = "IPv6" }

/// The programs and maps of `hyperion_bench.bpf.o`.
final class Bench {
  static let addresses = 1 << 20
  static let rounds = 7

  let object: BPFObject
  let state: BPFMap<UInt32, telos_hyperion>
  let memory: SharedMemory
  let offset4: Int
  let offset6: Int

  init(_ path: String) throws {
    object = try BPFObject(path: path)
    try object.load()
    state = try object.map("hyperion_state")
    guard let bss = object.maps.first(where: { $0.name.hasSuffix(".bss") }) else {
      throw TelosError(.invalidArgument, "\(path) has no addresses")
    }
    memory = try SharedMemory(map: try object.descriptor(ofMap: bss.name))
    offset4 = try object.offset(of: "addresses4", inSection: ".bss")
    offset6 = try object.offset(of: "addresses6", inSection: ".bss")
  }

  func time(_ program: String, _ family: Family) throws -> [Double] {
    let loaded = try object.loaded(program)
    let packet = Self.packet(family)
    _ = try loaded.testRun(packet, times: Self.addresses)
    return try (0..<Self.rounds).map { _ in
      Double(try loaded.testRun(packet, times: Self.addresses).nanoseconds)
    }
  }

  func probe4(_ address: (Int) -> UInt32) {
    for i in 0..<Self.addresses { memory.store(address(i), at: offset4 + 4 * i) }
  }

  func probe6(_ address: (Int) -> UInt128) {
    for i in 0..<Self.addresses {
      let bits = address(i)
      memory.store64(UInt64(truncatingIfNeeded: bits), at: offset6 + 16 * i)
      memory.store64(UInt64(truncatingIfNeeded: bits >> 64), at: offset6 + 16 * i + 8)
    }
  }

  func inForce(_ parts: UInt32) throws {
    var value = telos_hyperion()
    value.has = parts
    try state.update(0, value)
  }

  func fill<Key: BitwiseCopyable>(
    _ outer: String, _ kind: BPFMap<Key, UInt32>.Kind, _ keys: [Key]
  ) throws {
    let map = try BPFMap<Key, UInt32>.create(kind, name: outer, capacity: keys.count)
    try map.update(keys, [UInt32](repeating: 0, count: keys.count))
    try OuterMap(descriptor: try object.descriptor(ofMap: outer), name: outer)
      .set(0, map.descriptor)
  }

  private static func packet(_ family: Family) -> [UInt8] {
    let ethernet = [UInt8](repeating: 2, count: 12)
    return switch family {
    case .v4:
      ethernet + [8, 0, 0x45, 0, 0, 46, 0, 1, 0, 0, 64, 17, 0, 0] + [UInt8](repeating: 1, count: 34)
    case .v6:
      ethernet + [0x86, 0xdd, 0x60, 0, 0, 0, 0, 8, 17, 64] + [UInt8](repeating: 1, count: 48)
    }
  }
}

/// The same keys every time (SplitMix64).
struct Numbers {
  var seed: UInt64

  mutating func next() -> UInt64 {
    seed &+= 0x9e37_79b9_7f4a_7c15
    var z = seed
    z = (z ^ z >> 30) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ z >> 27) &* 0x94d0_49bb_1331_11eb
    return z ^ z >> 31
  }
}

/// A random address that the set does not hold.
func other(_ numbers: inout Numbers, _ isMiss: (UInt32) -> Bool) -> UInt32 {
  while true {
    let address = UInt32(truncatingIfNeeded: numbers.next())
    if isMiss(address) { return address }
  }
}

/// Progress goes to standard error, the report to standard output.
func say(_ text: String) {
  let bytes = Array("\(text)\n".utf8)
  write(STDERR_FILENO, bytes, bytes.count)
}

func measure(_ path: String) throws -> [Row] {
  let bench = try Bench(path)
  var rows: [Row] = []
  func add(_ what: String, _ program: String, _ family: Family) throws {
    rows.append(Row(what: what, nanoseconds: try bench.time(program, family)))
    say("\(what): \(rows[rows.count - 1].median) ns")
  }
  var numbers = Numbers(seed: 1)
  try add("empty program", "bench_nothing", .v4)
  try add("puts the address in, IPv4", "bench_put4", .v4)
  try add("puts the address in, IPv6", "bench_put6", .v6)
  try bench.inForce(0)
  try add("IPv4, empty set", "bench_decide4", .v4)

  for count in [1000, 100_000] {
    let text = count == 1000 ? "1 k" : "100 k"
    let singles4 = (0..<count).map { _ in UInt32(truncatingIfNeeded: numbers.next()) }
    try bench.fill("hyperion_v4", .hash, singles4.map(\.bigEndian))
    try bench.inForce(1 << TELOS_SET_V4.rawValue)
    bench.probe4 { _ in singles4[Int(numbers.next() % UInt64(count))].bigEndian }
    try add("IPv4, \(text) addresses, hit", "bench_decide4", .v4)
    let held4 = Set(singles4)
    bench.probe4 { _ in other(&numbers) { !held4.contains($0) }.bigEndian }
    try add("IPv4, \(text) addresses, miss", "bench_decide4", .v4)

    let singles6 = (0..<count).map { _ in
      UInt128(numbers.next()) << 64 | UInt128(numbers.next())
    }
    try bench.fill("hyperion_v6", .hash, singles6.map(\.bigEndian))
    try bench.inForce(1 << TELOS_SET_V6.rawValue)
    bench.probe6 { _ in singles6[Int(numbers.next() % UInt64(count))].bigEndian }
    try add("IPv6, \(text) addresses, hit", "bench_decide6", .v6)
    // Of 128 random bits none is met again.
    bench.probe6 { _ in UInt128(numbers.next()) << 64 | UInt128(numbers.next()) }
    try add("IPv6, \(text) addresses, miss", "bench_decide6", .v6)

    let blocks4 = (0..<count).map { _ in
      UInt32(truncatingIfNeeded: numbers.next()) & 0xffff_ff00
    }
    try bench.fill(
      "hyperion_v4_prefix", .prefixTrie,
      blocks4.map { block in
        var key = telos_prefix4()
        key.prefix = 24
        withUnsafeMutableBytes(of: &key.address) {
          $0.storeBytes(of: block.bigEndian, as: UInt32.self)
        }
        return key
      })
    try bench.inForce(1 << TELOS_SET_V4_PREFIX.rawValue)
    bench.probe4 { _ in
      (blocks4[Int(numbers.next() % UInt64(count))] | UInt32(numbers.next() & 0xff)).bigEndian
    }
    try add("IPv4, \(text) blocks of /24, hit", "bench_decide4", .v4)
    let heldBlocks = Set(blocks4)
    bench.probe4 { _ in
      other(&numbers) { !heldBlocks.contains($0 & 0xffff_ff00) && !held4.contains($0) }.bigEndian
    }
    try add("IPv4, \(text) blocks of /24, miss", "bench_decide4", .v4)
    try bench.inForce(1 << TELOS_SET_V4.rawValue | 1 << TELOS_SET_V4_PREFIX.rawValue)
    try add("IPv4, \(text) addresses and \(text) blocks, miss in both", "bench_decide4", .v4)
  }
  return rows
}

func firstLine(_ path: String, _ key: String) -> String {
  let bytes = (try? DurableFile.read(path, limit: 1 << 20)) ?? []
  let line = String(decoding: bytes, as: UTF8.self).split(separator: "\n").first {
    $0.hasPrefix(key)
  }
  return line.map { $0.dropFirst(key.count).drop { ": \t".contains($0) }.description } ?? "unknown"
}

func fixed(_ value: Double) -> String {
  let tenths = Int((value * 10).rounded())
  return "\(tenths / 10).\(tenths % 10)"
}

func report(_ rows: [Row]) -> String {
  let commit = getenv("TELOS_COMMIT").map { String(cString: $0) } ?? "unknown"
  let base4 = rows.first { $0.what.hasSuffix("in, IPv4") }?.median ?? 0
  let base6 = rows.first { $0.what.hasSuffix("in, IPv6") }?.median ?? 0
  var text = """
    # Hyperion: one decision

    Native nanoseconds a run of the XDP program (BPF_PROG_TEST_RUN, one core, \(Bench.addresses) runs, each on another
    random source address; median and least of \(Bench.rounds)). "Added" is what the decision costs beside a program that
    does nothing but put that address into the packet. Written by `make bench`.

    - machine: \(firstLine("/proc/cpuinfo", "model name")), \(sysconf(Int32(_SC_NPROCESSORS_ONLN))) cores
    - kernel: \(firstLine("/proc/sys/kernel/osrelease", ""))
    - commit: \(commit)
    - at: \(Date().rfc3339)

    | run | median ns | least ns | added ns |
    |---|---:|---:|---:|

    """
  for row in rows {
    let base = row.what.hasPrefix("IPv6") ? base6 : base4
    let added = row.what.hasPrefix("IPv") ? fixed(max(row.median - base, 0)) : ""
    text += "| \(row.what) | \(fixed(row.median)) | \(fixed(row.least)) | \(added) |\n"
  }
  return text
}

guard CommandLine.arguments.count > 1 else {
  say("usage: telos-bench hyperion_bench.bpf.o [REPORT.md]")
  exit(64)
}
let text = report(try measure(CommandLine.arguments[1]))
print(text)
if CommandLine.arguments.count > 2 {
  try DurableFile.write(Array(text.utf8), to: CommandLine.arguments[2])
}
