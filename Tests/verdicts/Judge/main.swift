/// Judges the names on standard input for the harness beside this folder, one a line.
///
/// telos-verdicts judge [OWN]: prints name, verdict, score, rule and watched name, with tabs between them. OWN: a file of
/// further protected names.
/// telos-verdicts time: judges all names once untimed, then five times each, and prints what loading and judging took.
import Glibc
import NameVerdicts
import TelosCore

/// What this thread has spent, so that other work on the machine is not in the figures.
func spent() -> UInt64 {
  var time = timespec()
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
  return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}

/// Resident memory in KiB.
func resident() -> Int {
  guard let file = fopen("/proc/self/statm", "r") else { return 0 }
  defer { fclose(file) }
  var line = [CChar](repeating: 0, count: 128)
  guard fgets(&line, 128, file) != nil else { return 0 }
  let words = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    .split(separator: " ")
  return words.count > 1 ? (Int(words[1]) ?? 0) * Int(getpagesize()) / 1024 : 0
}

func lines() -> [String] {
  var result: [String] = []
  while let line = readLine() { if !line.isEmpty { result.append(line) } }
  return result
}

func judge(own: [String]) throws {
  let list = try WatchList(WatchList.builtInText, suffixes: .builtIn(), protecting: own)
  for name in lines() {
    let verdict = NameVerdict(judging: name, with: list)
    let reason = verdict.reasons.first
    print(
      name, verdict.kind.rawValue, verdict.score, reason?.rule.rawValue ?? "-",
      reason?.resembles ?? "-", separator: "\t")
  }
}

func time() throws {
  let names = lines()
  let rounds = 5
  let before = resident()
  var began = spent()
  let list = try WatchList.builtIn()
  let first = spent() - began
  let memory = resident() - before
  // Once more: ICU and its tables are there.
  began = spent()
  let again = try WatchList.builtIn()
  let second = spent() - began
  for name in names { _ = NameVerdict(judging: name, with: again) }
  // Of each name the median of its rounds: what an interrupt costs is no property of the name.
  var times: [UInt64] = []
  times.reserveCapacity(names.count)
  for name in names {
    var taken: [UInt64] = []
    for _ in 0..<rounds {
      let began = spent()
      let verdict = NameVerdict(judging: name, with: list)
      taken.append(spent() - began)
      if verdict.score > 99 { abort() }
    }
    times.append(taken.sorted()[rounds / 2])
  }
  times.sort()
  func at(_ share: Double) -> Double {
    Double(times[min(times.count - 1, Int(share * Double(times.count)))]) / 1000
  }
  let versions = list.versions
  print("engine", versions.engine)
  print("watch", versions.watch)
  print("suffixes", versions.suffixes)
  print("unicode", versions.unicode)
  print("names", names.count)
  print("watched", list.count)
  print("load-first-ms", Double(first / 1000) / 1000)
  print("load-again-ms", Double(second / 1000) / 1000)
  print("memory-kib", memory)
  for (title, share) in [("p50", 0.5), ("p99", 0.99), ("p999", 0.999), ("max", 1.0)] {
    print("\(title)-us", at(share))
  }
}

do {
  let words = Array(CommandLine.arguments.dropFirst())
  switch words.first {
  case "judge":
    let own = try words.count > 1 ? DurableFile.read(words[1], limit: 1 << 20) : []
    try judge(
      own: own.split(separator: UInt8(ascii: "\n")).map { String(decoding: $0, as: UTF8.self) })
  case "time": try time()
  default:
    StandardError.line("usage: telos-verdicts judge [OWN] | time")
    exit(64)
  }
} catch {
  StandardError.line("telos-verdicts: \(error)")
  exit(1)
}
