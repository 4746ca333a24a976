internal import TelosAPI
internal import TelosCore

/// What signed objects have in common on their way to the coordinator and in listings.
enum Publishing {
  static func run(
    _ route: Route, _ envelope: [UInt8], wait: WaitOptions, output: OutputOptions
  ) async throws {
    try await Coordinator.with { coordinator in
      let bytes = try await coordinator.post(route.path(), envelope)
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

  static func list(_ route: Route, output: OutputOptions, first: String, empty: String)
    async throws
  {
    try await Coordinator.with { coordinator in
      let bytes = try await coordinator.get(route.path())
      if output.json { return try JSONOutput.print(try JSONDocument(parsing: bytes)) }
      let objects = try JSONInput.decode([SignedObject].self, from: bytes, what: "the list")
      var table = Table(first, "VERSION>", "HELD>", "EXPIRES", "SIGNED BY", "SHA256")
      for stored in objects {
        let signers = stored.signedBy.map { String($0.prefix(12)) }
        let held = "\(stored.held)/\(stored.nodes)"
        table.add(
          stored.object.name.isEmpty ? "-" : stored.object.name, "\(stored.object.version)", held,
          stored.expires, signers.joined(separator: ","),
          String(stored.object.digest.prefix(16)))
      }
      table.print(empty: empty)
    }
  }
}
