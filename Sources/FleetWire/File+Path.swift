internal import FoundationEssentials
public import TelosCore

extension Telos_Fleet_V1_File {
  /// Says which path it is: as text, and as bytes too where the text is not the path itself.
  public mutating func name(_ path: BytePath) {
    self.path = path.description
    pathBytes = path.text == nil ? Data(path.bytes) : Data()
  }

  /// The path, byte for byte.
  public var bytePath: BytePath { pathBytes.isEmpty ? BytePath(path) : BytePath(bytes: pathBytes) }
}
