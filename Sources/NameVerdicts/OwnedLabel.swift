/// The label that somebody chose for himself, and the suffix below which he did.
struct OwnedLabel {
  let forms: LabelForms
  let suffix: [UInt8]
  /// A company gave it to a customer (`label.github.io`), for nothing and without asking.
  let isTenant: Bool
}
