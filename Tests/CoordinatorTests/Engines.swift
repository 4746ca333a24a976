import Foundation
import Synchronization

@testable import Coordinator

/// What a store can be on: tests with this as their argument run on each.
enum Engine: String, CaseIterable, Sendable {
  case sqlite
  case postgresql
  /// PostgreSQL that gives up every transaction once before it lets it through.
  case conflicts

  /// A new empty store; `folder` is for one in a file.
  func store(in folder: String) async throws -> Store {
    if self == .sqlite {
      return try Store.open("\(folder)/coordinator.sqlite", createIfMissing: true).0
    }
    let (store, opening) = try await Store.open(
      try await PostgreSQLServer.shared.value.place(), createIfMissing: true)
    precondition(opening == .created)
    return self == .conflicts ? Store(engine: ConflictingEngine(engine: store.engine)) : store
  }
}

/// Has the server itself give up each transaction at its end, the first time.
struct ConflictingEngine: StoreEngine {
  let engine: any StoreEngine

  func read<T: Sendable>(
    _ body: @escaping @Sendable (any StoreConnection) throws -> T
  ) async throws -> T { try await engine.read(Self.once(body)) }

  func write<T: Sendable>(
    _ body: @escaping @Sendable (any StoreConnection) throws -> T
  ) async throws -> T { try await engine.write(Self.once(body)) }

  func close() throws { try engine.close() }

  private final class Attempts: Sendable { let count = Atomic(0) }

  private static func once<T>(_ body: @escaping @Sendable (any StoreConnection) throws -> T)
    -> @Sendable (any StoreConnection) throws -> T
  {
    let attempts = Attempts()
    return { connection in
      let value = try body(connection)
      if attempts.count.add(1, ordering: .relaxed).oldValue == 0 {
        try connection.change(
          "DO $$ BEGIN RAISE EXCEPTION 'injected' USING ERRCODE = '40001'; END $$")
      }
      return value
    }
  }
}
