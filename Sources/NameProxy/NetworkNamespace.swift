internal import CSockets
internal import Glibc
public import TelosCore

/// A network name space, held open. Sockets made in it stay in it, whoever uses them.
public final class NetworkNamespace: Sendable {
  private let descriptor: Int32
  /// The inode of the name space: one number, as long as anything of it lives.
  public let number: UInt64

  /// - Parameter path: `/proc/PID/ns/net` of a process in it.
  public convenience init(_ path: String = "/proc/self/ns/net") throws(TelosError) {
    try self.init(owning: Glibc.open(path, O_RDONLY | O_CLOEXEC), path)
  }

  /// The one that a socket lives in, also when no process is left there.
  convenience init(ofSocket socket: Int32) throws(TelosError) {
    let networkOfSocket: UInt = 0x894c
    try self.init(owning: ioctl(socket, networkOfSocket), "of a socket")
  }

  private init(owning descriptor: Int32, _ what: String) throws(TelosError) {
    guard descriptor >= 0 else {
      throw TelosError(
        .notFound, "cannot open the network name space \(what): \(String(cString: strerror(errno)))"
      )
    }
    self.descriptor = descriptor
    var status = stat()
    fstat(descriptor, &status)
    number = UInt64(status.st_ino)
  }

  deinit { close(descriptor) }

  /// Good while this lives.
  var path: String { "/proc/\(getpid())/fd/\(descriptor)" }

  /// Puts the calling thread into it, for good.
  func enter() throws(TelosError) {
    guard csockets_enter_network(descriptor) == 0 else {
      throw TelosError(
        .kernel, "cannot enter a network name space: \(String(cString: strerror(errno)))",
        hint: "the daemon needs CAP_SYS_ADMIN")
    }
  }

  /// Runs `body` in it, on a thread of its own, and waits: no thread of this process is ever left in a foreign network.
  func run<T>(_ body: @escaping () throws(TelosError) -> T) throws(TelosError) -> T {
    let visit = Visit(body, self)
    var thread = pthread_t()
    let code = pthread_create(
      &thread, nil,
      { context in
        guard let context else { return nil }
        Unmanaged<AnyVisit>.fromOpaque(context).takeRetainedValue().run()
        return nil
      }, Unmanaged.passRetained(visit as AnyVisit).toOpaque())
    guard code == 0 else {
      Unmanaged.passUnretained(visit as AnyVisit).release()
      throw TelosError(.kernel, "cannot start a thread: \(String(cString: strerror(code)))")
    }
    pthread_join(thread, nil)
    guard let result = visit.result else {
      throw TelosError(.internalError, "a thread in a network name space left nothing behind")
    }
    return try result.get()
  }
}

private class AnyVisit { func run() {} }

private final class Visit<T>: AnyVisit {
  private let body: () throws(TelosError) -> T
  private let network: NetworkNamespace
  var result: Result<T, TelosError>?

  init(_ body: @escaping () throws(TelosError) -> T, _ network: NetworkNamespace) {
    (self.body, self.network) = (body, network)
  }

  override func run() {
    do throws(TelosError) {
      try network.enter()
      result = .success(try body())
    } catch { result = .failure(error) }
  }
}
