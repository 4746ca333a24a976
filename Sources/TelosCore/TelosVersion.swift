/// The version of Telos: that of the CLI, of both daemons and of the node's image.
///
/// `node/image/build` and `Tests/image/schema` read it from this file; CHANGELOG.md says what each version brought.
public enum TelosVersion {
  public static let current = "0.1.0"
}
