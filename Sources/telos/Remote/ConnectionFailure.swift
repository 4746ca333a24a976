internal import AsyncHTTPClient
internal import Glibc
internal import NIOCore
internal import NIOPosix
internal import NIOSSL
internal import TelosCore

/// What a failed exchange means for a person.
enum ConnectionFailure {
  static func explain(_ error: any Error, coordinator: String) -> TelosError {
    if let error = error as? HTTPClientError {
      switch error {
      case .connectTimeout:
        return unreachable(coordinator, "nothing answers there")
      case .deadlineExceeded, .readTimeout, .writeTimeout:
        return TelosError(
          .timeout, "the coordinator at \(coordinator) did not answer in time",
          hint: "try again; the coordinator's log may say why")
      default: return unreachable(coordinator, error.description)
      }
    }
    if isUntrusted(error) {
      return TelosError(
        .unauthenticated,
        "the certificate of \(coordinator) is not from the authority in the configuration",
        hint:
          "another fleet's coordinator or an interceptor answers there: check the address, and copy the "
          + "CA from the coordinator's data folder again only if you know that it changed")
    }
    if error is NIOSSLExtraError {
      return TelosError(
        .unauthenticated, "the certificate of \(coordinator) is for another name or address",
        hint: "use a name that was given to `telos-coordinator init --name`")
    }
    if error is NIOSSLError {
      return unreachable(
        coordinator, "the server there does not speak TLS the way a coordinator does")
    }
    if let error = error as? NIOConnectionError {
      if error.dnsAError ?? error.dnsAAAAError != nil, error.connectionErrors.isEmpty {
        return unreachable(coordinator, "the name cannot be resolved")
      }
      let reasons = error.connectionErrors.map { failure in
        "\(failure.target): " + words(failure.error)
      }
      return unreachable(coordinator, reasons.joined(separator: "; "))
    }
    if error is NIOTooManyBytesError {
      return TelosError(.internalError, "the coordinator's answer is too large")
    }
    return unreachable(coordinator, words(error))
  }

  /// Whether TLS refused the coordinator's certificate.
  static func isUntrusted(_ error: any Error) -> Bool {
    "\(error)".contains("CERTIFICATE_VERIFY_FAILED")
  }

  private static func words(_ error: any Error) -> String {
    guard let error = error as? IOError else { return "\(error)" }
    return String(cString: strerror(error.errnoCode)).lowercased()
  }

  private static func unreachable(_ coordinator: String, _ why: String) -> TelosError {
    TelosError(
      .unavailable, "cannot reach the coordinator at \(coordinator): \(why)",
      hint: "is telos-coordinator running there, and port 7445 open to you?")
  }
}
