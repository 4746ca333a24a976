public import GRPCCore

/// Judges the caller's certificate at every call, binds ``Peer/current``, and ends the call when the node is banned or its
/// certificate expires.
public struct PeerInterceptor: ServerInterceptor {
  private let admission: PeerAdmission
  private let calls: LiveCalls

  public init(admission: PeerAdmission, calls: LiveCalls) {
    self.admission = admission
    self.calls = calls
  }

  public func intercept<Input: Sendable, Output: Sendable>(
    request: StreamingServerRequest<Input>,
    context: ServerContext,
    next:
      @Sendable (StreamingServerRequest<Input>, ServerContext) async throws ->
      StreamingServerResponse<Output>
  ) async throws -> StreamingServerResponse<Output> {
    let peer = try admit(context)
    let registration = calls.register(peer, context.cancellation, now: admission.rules.now())
    // Again, now that a ban would find the call: one that came in between is seen here.
    _ = try admit(context)
    var response = try await Peer.$current.withValue(peer) { try await next(request, context) }
    // Handlers of streaming calls run inside the producer, after `next` has returned.
    if case .success(var contents) = response.accepted {
      let produce = contents.producer
      contents.producer = { writer in
        try await Self.run(registration) {
          try await Peer.$current.withValue(peer) { try await produce(writer) }
        }
      }
      response.accepted = .success(contents)
    }
    return response
  }

  private func admit(_ context: ServerContext) throws -> Peer {
    do throws(PeerRefusal) {
      return try admission.admit(context)
    } catch {
      throw Self.rpcError(error.reason)
    }
  }

  /// Runs `operation` until it returns or the call is ended, and then cancels it: handlers that never look at the
  /// cancellation handle end as well.
  private static func run(
    _ registration: Registration, _ operation: @escaping @Sendable () async throws -> Metadata
  ) async throws -> Metadata {
    try await withThrowingTaskGroup(of: Metadata?.self) { group in
      group.addTask { try await operation() }
      group.addTask {
        guard let reason = await registration.call.ended() else { return nil }
        throw rpcError(reason)
      }
      defer { group.cancelAll() }
      while let metadata = try await group.next() {
        if let metadata { return metadata }
      }
      throw RPCError(code: .cancelled, message: "the call was cancelled")
    }
  }

  private static func rpcError(_ reason: PeerRefusal.Reason) -> RPCError {
    RPCError(
      code: reason == .banned ? .permissionDenied : .unauthenticated,
      message: "the certificate is not accepted: \(reason.rawValue)")
  }
}
