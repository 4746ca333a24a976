/// An incident as `telos incident show` prints it, for a terminal of 100 columns.
enum IncidentText {
  static func lines(_ incident: Incident, width: Int = 100) -> [String] {
    let marks = [incident.severity, incident.state].compactMap { $0 }.joined(separator: ", ")
    var lines = ["Incident \(incident.id)" + (marks.isEmpty ? "" : " (\(marks))")]
    func add(_ title: String, _ text: String?) {
      guard let text, !text.isEmpty else { return }
      lines += field(title, text, width: width)
    }
    add("Summary", incident.summary)
    add("When", when(incident))
    add("Node", incident.node)
    add("Agent", incident.agent)
    lines += intent(incident, width: width)
    add("File", incident.file.flatMap(file))
    for (i, origin) in (incident.origins ?? []).enumerated() {
      lines += field(i == 0 ? "From" : "", words(origin), width: width)
    }
    add(
      "Lineage",
      incident.lineage.map { $0.map(\.text).joined(separator: " ← ") })
    for (i, destination) in (incident.refused ?? []).enumerated() {
      guard let text = destination.text else { continue }
      let times = destination.count.map { $0 > 1 ? "  \($0) times" : "" } ?? ""
      lines += field(i == 0 ? "Refused" : "", text + times, width: width)
    }
    lines += chain(incident.chain ?? [], width: width)
    return lines
  }

  private static func when(_ incident: Incident) -> String? {
    guard let first = incident.firstAt else { return incident.lastAt }
    guard let last = incident.lastAt, last != first else { return first }
    return "\(first) to \(last)"
  }

  private static func intent(_ incident: Incident, width: Int) -> [String] {
    guard let stored = incident.intentObject else {
      return incident.intent.map { field("Intent", $0, width: width) } ?? []
    }
    var lines = field(
      "Intent", "\(stored.object.name) version \(stored.object.version)", width: width)
    lines += field("  sha256", stored.object.digest, width: width)
    for signer in stored.signedBy ?? [] { lines += field("  signer", signer, width: width) }
    return lines
  }

  /// Whose slam it was, when, and by what.
  private static func words(_ origin: Event.Origin) -> String {
    let event = origin.sequence.map { "event \($0) of this node" } ?? ""
    guard let agent = origin.agent, !agent.isEmpty else {
      return "an agent that was slammed earlier" + (event.isEmpty ? "" : " (\(event))")
    }
    var text = "agent \(agent)"
    if let contact = origin.destination?.text {
      text += ", which contacted \(contact)"
    } else if let path = origin.file?.path, !path.isEmpty {
      text += origin.reason == "domain" ? ", slammed by \(path)" : ", which read \(path)"
    }
    let details = [origin.at ?? "", event].filter { !$0.isEmpty }.joined(separator: ", ")
    return details.isEmpty ? text : "\(text) (\(details))"
  }

  private static func file(_ file: Event.File) -> String? {
    var parts: [String] = []
    if let path = file.path, !path.isEmpty { parts.append(path) }
    if let inode = file.inode, inode > 0 {
      let device = file.device ?? 0
      parts.append("(inode \(inode), device \(device >> 20):\(device & 0xfffff))")
    }
    return parts.isEmpty ? nil : parts.joined(separator: " ")
  }

  private static func chain(_ events: [Event], width: Int) -> [String] {
    var lines: [String] = []
    var day: String?
    for event in events {
      if let today = EventLines.day(event.at), today != day {
        day = today
        lines += ["", "  \(today) (UTC)"]
      }
      lines += EventLines.lines(event, origin: false, indent: 2, width: width)
    }
    return lines
  }
}
