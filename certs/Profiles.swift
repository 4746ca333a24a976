public import FoundationEssentials

/// How long the fleet's certificates live: the one place that says so.
public enum Profiles {
  private static let day: TimeInterval = 86_400

  /// Of the certificate authority: rotated by a new root, not by expiry.
  public static let authority: TimeInterval = 10 * 365 * day
  /// Of a coordinator's server certificate; made anew at half of it.
  public static let server: TimeInterval = 90 * day
  /// Of a node's client certificate; renewed at half of it (`FleetIdentity.Renewal`).
  public static let node: TimeInterval = day
  /// How far `notValidBefore` lies in the past, for clocks that are late.
  public static let backdating: TimeInterval = 60
  /// Of a PKCS #10 request, in bytes.
  static let maximumRequest = 16 << 10
}
