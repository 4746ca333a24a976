internal import TelosAPI

/// An incident as `telos incident show` prints it, for a terminal of 100 columns.
enum IncidentText {
  /// - Parameter signers: of the intent, as far as they are known.
  static func lines(_ incident: IncidentAnswer, signers: [String] = [], width: Int = 100)
    -> [String]
  {
    var lines = ["Incident \(incident.id) (\(incident.severity), \(incident.state))"]
    func add(_ title: String, _ text: String?) {
      guard let text, !text.isEmpty else { return }
      lines += field(title, text, width: width)
    }
    add("Summary", incident.summary)
    add("When", when(incident))
    add("Node", incident.node)
    add("Agent", incident.agent)
    lines += intent(incident, signers, width: width)
    add("File", incident.file.flatMap(file))
    for (i, origin) in (incident.origins ?? []).enumerated() {
      lines += field(i == 0 ? "From" : "", words(origin), width: width)
    }
    add(
      "Lineage",
      incident.lineage.map { $0.map { "\($0.command)(\($0.pid))" }.joined(separator: " ← ") })
    for (i, destination) in (incident.refused ?? []).enumerated() {
      guard let text = destination.text else { continue }
      lines += field(i == 0 ? "Refused" : "", text, width: width)
    }
    lines += chain(incident.chain ?? [], width: width)
    return lines
  }

  private static func when(_ incident: IncidentAnswer) -> String {
    incident.lastAt == incident.firstAt
      ? incident.firstAt : "\(incident.firstAt) to \(incident.lastAt)"
  }

  private static func intent(_ incident: IncidentAnswer, _ signers: [String], width: Int)
    -> [String]
  {
    guard let object = incident.intentObject else {
      return incident.intent.isEmpty ? [] : field("Intent", incident.intent, width: width)
    }
    var lines = field("Intent", "\(object.name) version \(object.version)", width: width)
    lines += field("  sha256", object.digest, width: width)
    for signer in signers { lines += field("  signer", signer, width: width) }
    return lines
  }

  /// Whose slam it was, when, and by what.
  private static func words(_ origin: Event.Origin) -> String {
    let event = "event \(origin.sequence) of this node"
    guard !origin.agent.isEmpty else { return "an agent that was slammed earlier (\(event))" }
    var text = "agent \(origin.agent)"
    if let contact = origin.destination?.text {
      text += ", which contacted \(contact)"
    } else if let path = origin.file?.path, !path.isEmpty {
      text += origin.reason == "domain" ? ", slammed by \(path)" : ", which read \(path)"
    }
    return "\(text) (\([origin.at, event].compactMap { $0 }.joined(separator: ", ")))"
  }

  private static func file(_ file: Event.File) -> String? {
    var parts: [String] = []
    if !file.path.isEmpty { parts.append(file.path) }
    if file.inode > 0 {
      let device = "\(file.device >> 20):\(file.device & 0xfffff)"
      parts.append("(inode \(file.inode), device \(device))")
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
