extension Incident {
  /// One sentence for a list.
  var summary: String {
    if agent.isEmpty { return "node \(node): \(finding)" }
    var who = "agent \(agent)"
    if !intent.isEmpty { who += " under intent \(intent)" }
    guard tainted else {
      let times = denials == 1 ? "once" : "\(denials) times"
      return "\(who) was refused \(times), first \(firstDenial)"
    }
    let cause =
      if let story {
        "took in \(story),"
      } else if let file, !file.path.isEmpty {
        "read \(file.path)"
      } else if let contact {
        "contacted \(contact.description)"
      } else {
        "touched something sensitive"
      }
    guard slam != nil else {
      return "\(who) \(cause) and is tainted; \(Self.count(Int(clamping: denials), "refusal"))"
    }
    let more = refusedMore ? "more than " : ""
    return "\(who) \(cause) and was slammed; "
      + "\(more)\(Self.count(refused.count, "destination")) refused"
  }

  private static func count(_ number: Int, _ noun: String) -> String {
    "\(number == 0 ? "no" : "\(number)") \(noun)\(number == 1 ? "" : "s")"
  }
}
