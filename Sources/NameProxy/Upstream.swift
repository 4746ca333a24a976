internal import CSockets
internal import CUnbound
internal import Glibc
internal import Synchronization
internal import TelosCore

/// A context of libunbound with a thread of its own, in the network name space where its servers are. Its settings cannot
/// change once it was asked: another context takes its place.
final class Upstream {
  /// One question on its way.
  final class Pending {
    fileprivate let question: Question
    fileprivate let deliver: (Result) -> Void
    fileprivate unowned let upstream: Upstream
    fileprivate var number: Int32 = 0

    fileprivate init(
      _ question: Question, _ upstream: Upstream, _ deliver: @escaping (Result) -> Void
    ) {
      (self.question, self.upstream, self.deliver) = (question, upstream, deliver)
    }
  }

  enum Result {
    case answer(UpstreamAnswer, isSecure: Bool)
    /// What libunbound says about signatures that do not hold.
    case bogus(String)
    case failed
  }

  let configuration: UpstreamConfiguration
  /// Readable when answers wait for ``process()``.
  let descriptor: Int32
  private let context: OpaquePointer
  /// libunbound's reader of configurations keeps its state in global variables.
  private static let making = Mutex(())
  fileprivate var pending: [ObjectIdentifier: Pending] = [:]

  init(_ configuration: UpstreamConfiguration, in network: NetworkNamespace) throws(TelosError) {
    self.configuration = configuration
    let place = try Self.making.withLock { (_) throws(TelosError) in
      try Self.context(configuration)
    }
    context = place.pointer
    do throws(TelosError) {
      // The thread is born with the first question, where that is asked: so are its sockets.
      try network.run { () throws(TelosError) in
        var id: Int32 = 0
        let code = ub_resolve_async(
          place.pointer, UpstreamConfiguration.ownName, 1, 1, nil,
          { _, _, result in ub_resolve_free(result) },
          &id)
        try Self.check(code, "start")
      }
    } catch {
      ub_ctx_delete(place.pointer)
      throw error
    }
    descriptor = ub_fd(place.pointer)
  }

  private static func context(_ configuration: UpstreamConfiguration) throws(TelosError) -> Context
  {
    guard let context = ub_ctx_create() else {
      throw TelosError(.internalError, "libunbound has no memory for a context")
    }
    do throws(TelosError) {
      let file = try Self.file(configuration.text)
      defer { close(file) }
      try Self.check(ub_ctx_config(context, "/proc/self/fd/\(file)"), "read its configuration")
      // A thread and not a process: 0 would fork this daemon.
      try Self.check(ub_ctx_async(context, 1), "be asynchronous")
      return Context(pointer: context)
    } catch {
      ub_ctx_delete(context)
      throw error
    }
  }

  /// Handed to another thread while this one waits for it.
  private struct Context: @unchecked Sendable { var pointer: OpaquePointer }

  deinit { ub_ctx_delete(context) }

  /// - Parameter deliver: called by ``process()``, once, unless the question is given up before.
  func ask(_ question: Question, deliver: @escaping (Result) -> Void) -> Pending? {
    guard let text = question.name.text else { return nil }
    let one = Pending(question, self, deliver)
    // What is pending is held by `pending` until libunbound calls back or is told that nobody waits any more.
    let code = ub_resolve_async(
      context, text.isEmpty ? "." : text + ".", Int32(question.type.rawValue), 1,
      Unmanaged.passUnretained(one).toOpaque(),
      { argument, error, result in
        guard let argument else { return }
        Unmanaged<Pending>.fromOpaque(argument).takeUnretainedValue().finish(error, result)
      }, &one.number)
    guard code == 0 else { return nil }
    pending[ObjectIdentifier(one)] = one
    return one
  }

  /// Calls back for everything that has been answered.
  func process() { ub_process(context) }

  func giveUp(_ one: Pending) {
    guard pending.removeValue(forKey: ObjectIdentifier(one)) != nil else { return }
    ub_cancel(context, one.number)
  }

  private static func check(_ code: Int32, _ what: String) throws(TelosError) {
    guard code != 0 else { return }
    throw TelosError(
      .internalError, "libunbound could not \(what): \(String(cString: ub_strerror(code)))")
  }

  /// A file in memory. libunbound reads its configuration by path alone.
  private static func file(_ text: String) throws(TelosError) -> Int32 {
    let file = csockets_memory_file("telos-unbound")
    let bytes = Array(text.utf8)
    guard file >= 0, write(file, bytes, bytes.count) == bytes.count else {
      if file >= 0 { close(file) }
      throw TelosError(
        .kernel, "cannot make a file in memory: \(String(cString: strerror(errno)))")
    }
    return file
  }
}

extension Upstream.Pending {
  fileprivate func finish(_ error: Int32, _ result: UnsafeMutablePointer<ub_result>?) {
    upstream.pending[ObjectIdentifier(self)] = nil
    guard let result else { return deliver(.failed) }
    defer { ub_resolve_free(result) }
    let found = result.pointee
    if found.bogus != 0 {
      return deliver(
        .bogus(found.why_bogus.map { String(cString: $0) } ?? "a signature is missing"))
    }
    guard error == 0, found.rcode == 0 || found.rcode == 3, let bytes = found.answer_packet,
      let answer = UpstreamAnswer(
        UnsafeBufferPointer(
          start: bytes.assumingMemoryBound(to: UInt8.self), count: Int(found.answer_len)),
        to: question)
    else { return deliver(.failed) }
    deliver(.answer(answer, isSecure: found.secure != 0))
  }
}
