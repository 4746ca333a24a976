/// The version that the coordinator tells.
public enum CoordinatorVersion {
  public static let current = "0.1.0"
}
