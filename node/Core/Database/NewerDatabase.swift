internal import GRDB
internal import TelosCore

extension NodeDatabase {
  /// What a newer version of Telos wrote, in the tables and columns that this version knows, as a copy in memory: enough to keep
  /// sets in force and places shut. The files are not touched.
  ///
  /// Throws `why` where no held object can be read, for then nothing is known.
  static func copyOfNewer(_ path: String, _ why: TelosError) throws(TelosError) -> NodeDatabase {
    do {
      let (copy, twin) = (try inMemory(), try inMemory())
      var configuration = Configuration()
      configuration.readonly = true
      configuration.prepareDatabase { $0.add(function: RowChecksum.function) }
      let source = try DatabaseQueue(path: path, configuration: configuration)
      defer { try? source.close() }
      for table in ["held", "floor", "agent", "provenance", "mark", "memory_device"] {
        do {
          let rows = try source.read { try Row.fetchAll($0, sql: "SELECT * FROM \(table)") }
          for queue in [copy, twin] { try queue.write { try insert(rows, into: table, $0) } }
        } catch {
          guard table != "held" else { throw error }
        }
      }
      return NodeDatabase(copy, twin, newer: why)
    } catch { throw why }
  }

  private static func inMemory() throws -> DatabaseQueue {
    var configuration = Configuration()
    configuration.prepareDatabase { $0.add(function: RowChecksum.function) }
    let queue = try DatabaseQueue(configuration: configuration)
    try NodeSchema.migrator.migrate(queue)
    return queue
  }

  private static func insert(_ rows: [Row], into table: String, _ db: Database) throws {
    let columns = try String.fetchAll(
      db, sql: "SELECT name FROM pragma_table_info(?)", arguments: [table])
    let places = columns.map { _ in "?" }.joined(separator: ", ")
    for row in rows {
      try db.execute(
        sql: "INSERT INTO \(table) (\(columns.joined(separator: ", "))) VALUES (\(places))",
        arguments: StatementArguments(columns.map { row[$0] as DatabaseValue? ?? .null }))
    }
  }
}
