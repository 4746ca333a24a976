import Glibc
import Logging
import Testing

@testable import Coordinator

@Suite("where a coordinator listens")
struct ListenerTests {
  @Test func byDefaultNodesAndOperatorsReachItOverIPv6AndIPv4() async throws {
    for endpoint in [Configuration().sync, Configuration().enrolment, Configuration().api] {
      #expect(endpoint.host == Configuration.Endpoint.anywhere)
    }
    let scratch = try Scratch()
    let data = "\(scratch.path)/data"
    _ = try await Initialisation.run(data: data, names: ["localhost"])
    var configuration = Configuration()
    configuration.data = data
    configuration.sync.port = 0
    configuration.enrolment.port = 0
    configuration.api.port = 0
    configuration.operations.port = 0
    let daemon = try await CoordinatorDaemon(
      configuration, log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    let (ready, readied) = AsyncStream.makeStream(of: CoordinatorDaemon.Listening.self)
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        do {
          try await daemon.run { readied.yield($0) }
        } catch is CancellationError {}
        readied.finish()
      }
      for await listening in ready {
        for port in [listening.sync.port, listening.enrolment.port, listening.api.port] {
          #expect(Self.isTaken(AF_INET, port))
          if Configuration.Endpoint.anywhere == "::" { #expect(Self.isTaken(AF_INET6, port)) }
        }
        // Health is for this machine alone.
        #expect(listening.operations.host == "127.0.0.1")
        break
      }
      group.cancelAll()
    }
  }

  @Test func aStarIsEveryAddress() throws {
    let endpoint = try Configuration.Endpoint("*:7443")
    #expect(endpoint == Configuration().sync)
    #expect(throws: (any Error).self) { try Configuration.Endpoint(":7443") }
  }

  /// Whether something listens at this port on every address of the family, so that nobody else can.
  static func isTaken(_ family: Int32, _ port: Int) -> Bool {
    let descriptor = socket(family, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(descriptor) }
    var only: Int32 = 1
    if family == AF_INET6 {
      setsockopt(
        descriptor, Int32(IPPROTO_IPV6), IPV6_V6ONLY, &only, socklen_t(MemoryLayout<Int32>.size))
    }
    var four = sockaddr_in()
    four.sin_family = sa_family_t(AF_INET)
    four.sin_port = UInt16(port).bigEndian
    var six = sockaddr_in6()
    six.sin6_family = sa_family_t(AF_INET6)
    six.sin6_port = UInt16(port).bigEndian
    func take(_ address: UnsafeRawBufferPointer) -> Bool {
      guard let base = address.baseAddress else { return false }
      return bind(
        descriptor, base.assumingMemoryBound(to: sockaddr.self), socklen_t(address.count)) == 0
    }
    let isFree =
      family == AF_INET ? withUnsafeBytes(of: &four, take) : withUnsafeBytes(of: &six, take)
    return !isFree && errno == EADDRINUSE
  }
}
