internal import TelosCore

/// What signed objects have in common on their way to the coordinator and in listings.
enum Publishing {
  static func run(
    _ target: String, _ envelope: [UInt8], wait: WaitOptions, output: OutputOptions
  ) async throws {
    try await Coordinator.with { coordinator in
      let bytes = try await coordinator.post(target, envelope)
      let published = try JSONInput.decode(Published.self, from: bytes, what: "the answer")
      if output.json {
        try JSONOutput.print(try JSONDocument(parsing: bytes))
      } else {
        let object = published.object
        Terminal.line(
          "\(object.title.printable) version \(object.version), sha256 \(object.digest)")
      }
      try await wait.run(for: published.object, coordinator)
    }
  }

  static func list(_ target: String, output: OutputOptions, first: String, empty: String)
    async throws
  {
    try await Coordinator.with { coordinator in
      let bytes = try await coordinator.get(target)
      if output.json { return try JSONOutput.print(try JSONDocument(parsing: bytes)) }
      let objects = try JSONInput.decode([StoredObject].self, from: bytes, what: "the list")
      var table = Table(first, "VERSION>", "HELD>", "EXPIRES", "SIGNED BY", "SHA256")
      for stored in objects {
        let signers = (stored.signedBy ?? []).map { String($0.prefix(12)) }
        let held = "\(stored.held ?? 0)/\(stored.nodes ?? 0)"
        table.add(
          stored.object.name.isEmpty ? "-" : stored.object.name, "\(stored.object.version)", held,
          stored.expires ?? "", signers.joined(separator: ","),
          String(stored.object.digest.prefix(16)))
      }
      table.print(empty: empty)
    }
  }
}
