import Glibc
import NameProxy

struct Failed: Error { var what: String }

/// Questions of one agent, from one socket.
struct Load {
  private let socket: Int32

  init(port: UInt16, agent: UInt32) throws {
    socket = Glibc.socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
    var mark = agent
    guard setsockopt(socket, SOL_SOCKET, 36, &mark, 4) == 0 else {
      throw Failed(what: "marking a socket needs root")
    }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    let code = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    guard code == 0 else { throw Failed(what: "cannot connect") }
  }

  private static func message(_ name: String, _ id: UInt16) -> [UInt8] {
    var bytes: [UInt8] = [UInt8(id >> 8), UInt8(id & 255), 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]
    for label in name.split(separator: ".") {
      bytes += [UInt8(label.utf8.count)] + Array(label.utf8)
    }
    return bytes + [0, 0, 1, 0, 1]
  }

  /// Prints the answers, the seconds, and the time from question to answer in microseconds; what took above two seconds counts
  /// as lost and is asked again.
  func ask(names: Int, outstanding: Int, seconds: Int) throws {
    let messages = (0..<outstanding).map { slot in
      (0..<max(names / outstanding, 1)).map {
        Self.message("n\(slot + $0 * outstanding).bench.example", UInt16(slot))
      }
    }
    var next = [Int](repeating: 0, count: outstanding)
    var sent = [UInt64](repeating: 0, count: outstanding)
    var times: [UInt64] = []
    var lost = 0
    func ask(_ slot: Int) {
      let message = messages[slot][next[slot] % messages[slot].count]
      next[slot] += 1
      sent[slot] = bootNanoseconds()
      send(socket, message, message.count, 0)
    }
    let start = bootNanoseconds()
    let end = start + UInt64(seconds) * 1_000_000_000
    for slot in 0..<outstanding { ask(slot) }
    var buffer = [UInt8](repeating: 0, count: 4096)
    while seconds == 0 ? times.count < names : bootNanoseconds() < end {
      var wait = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
      if recv(socket, &buffer, buffer.count, Int32(MSG_DONTWAIT)) > 0 {
        let slot = Int(buffer[0]) << 8 | Int(buffer[1])
        guard slot < outstanding, buffer[3] & 15 == 0 else { throw Failed(what: "a wrong answer") }
        times.append(bootNanoseconds() - sent[slot])
        if seconds > 0 || next[slot] < messages[slot].count { ask(slot) }
      } else if poll(&wait, 1, 100) == 0 {
        for slot in 0..<outstanding
        where sent[slot] + 2_000_000_000 < bootNanoseconds() {
          lost += 1
          ask(slot)
        }
      }
    }
    let passed = Double(bootNanoseconds() - start) / 1e9
    times.sort()
    func at(_ part: Double) -> Double {
      times.isEmpty
        ? 0 : Double(times[min(Int(Double(times.count) * part), times.count - 1)]) / 1000
    }
    print(
      "answers \(times.count) seconds \(passed) p50 \(at(0.5)) p99 \(at(0.99)) p999 \(at(0.999)) max \(at(1)) lost \(lost)"
    )
  }

  func flood(perSecond: Int, seconds: Int) {
    let message = Self.message("n1.bench.example", 1)
    var buffer = [UInt8](repeating: 0, count: 4096)
    let start = bootNanoseconds()
    let end = start + UInt64(seconds) * 1_000_000_000
    var count = 0
    while case let now = bootNanoseconds(), now < end {
      let due = Int(Double(now - start) / 1e9 * Double(perSecond))
      while count < due {
        send(socket, message, message.count, Int32(MSG_DONTWAIT))
        count += 1
      }
      while recv(socket, &buffer, buffer.count, Int32(MSG_DONTWAIT)) > 0 {}
      usleep(200)
    }
    print("sent \(count) in \(seconds)")
  }
}
