/// What to do about a server that cannot be reached, by the words of libpq 15: it has no codes for what fails before the
/// server knows who calls. The coordinator sets no locale, so that they are always English.
enum PostgreSQLAdvice {
  static func hint(for words: String) -> String {
    for (sign, advice) in all where words.contains(sign) { return advice }
    return "see `store` in coordinator.yaml"
  }

  private static let all = [
    (
      "does not match host name",
      "write as host a name that the server's certificate has, with hostaddr=… for its address, or "
        + "give the server a certificate for this name"
    ),
    (
      "certificate verify failed",
      "sslrootcert has to name the file with the authority that issued the server's certificate"
    ),
    (
      "root certificate file",
      "name the file with the authority that issued the server's certificate: sslrootcert=FILE; "
        + "authorities of Debian's are in /etc/ssl/certs/ca-certificates.crt"
    ),
    (
      "server does not support SSL",
      "set ssl=on at the server. A server on another machine is talked to without TLS only with "
        + "sslmode=disable in the connection string and allowPlaintext: true beside it"
    ),
    (
      "valid client certificate",
      "name a certificate of the database user and its key: sslcert=FILE sslkey=FILE"
    ),
    (
      "private key file",
      "the file that sslkey names has to belong to the coordinator's user and have mode 0600"
    ),
    (
      "certificate authentication failed",
      "the common name of the certificate that sslcert names has to be that of the database user"
    ),
    (
      "password authentication failed",
      "the password in the file that passwordFile names is not the one of the database user"
    ),
    (
      "no password supplied",
      "write the password into a file of mode 0600 and name that: passwordFile"
    ),
    (
      "session is read-only",
      "no server that was named takes writes; name all of them as host=a,b, and promote the standby "
        + "if the primary is lost"
    ),
    (
      "server is in hot standby mode",
      "no server that was named takes writes; promote the standby if the primary is lost"
    ),
  ]
}
