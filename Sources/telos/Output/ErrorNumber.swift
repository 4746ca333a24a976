/// The few errno values that gates answer with, by their names.
enum ErrorNumber {
  /// As `EPERM`; nil for 0.
  static func name(_ value: Int32) -> String? {
    switch abs(value) {
    case 0: nil
    case 1: "EPERM"
    case 11: "EAGAIN"
    case 12: "ENOMEM"
    case 13: "EACCES"
    default: "errno \(abs(value))"
    }
  }
}
