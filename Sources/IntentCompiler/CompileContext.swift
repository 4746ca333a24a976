internal import Glibc
public import Kernel
public import TelosCore

/// Where and when an agent starts: what turns names of an intent into things of one node.
public struct CompileContext: Sendable {
  /// Put before every path of the intent, as `/proc/1234/root`, so that names are those of the starting process; ""
  /// for the caller's own root. Links inside never lead out of it.
  public var root: String
  /// The starting process's working directory, as that process sees it.
  public var workingDirectory: BytePath
  /// The private TMPDIR made for the agent, as it sees it; nil if there is none.
  public var temporaryDirectory: String?
  /// Now, in nanoseconds of the boot clock: windows with a TTL end so long after it.
  public var bootNanoseconds: UInt64
  /// Folders of the node itself, by their paths in its own root: nobody's agent opens or changes what is in them.
  public var shut: [String]
  /// Whether this node's exec gate can compare fs-verity digests.
  public var readsVerity: Bool
  /// What is known of programs from earlier agents; nil: everything is looked at anew.
  public var memory: CompileMemory?
  /// Tells roots, as far as they can differ, apart: where the same paths may mean other files.
  public var place: String
  /// Is asked for files below `root`, by their full path.
  public var resolver: any FileResolver

  public init(
    root: String = "", workingDirectory: BytePath, temporaryDirectory: String? = nil,
    bootNanoseconds: UInt64, shut: [String] = [], readsVerity: Bool = true,
    memory: CompileMemory? = nil, place: String = "", resolver: any FileResolver
  ) {
    self.root = root
    self.workingDirectory = workingDirectory
    self.temporaryDirectory = temporaryDirectory
    self.bootNanoseconds = bootNanoseconds
    self.shut = shut
    self.readsVerity = readsVerity
    self.memory = memory
    self.place = place
    self.resolver = resolver
  }
}

extension CompileContext {
  /// In the root of a process that ended meanwhile everything is missing: what was found there says nothing, and is not
  /// to be remembered.
  var hasRoot: Bool { root.isEmpty || access("\(root)/", F_OK) == 0 }

  func checkRoot() throws(TelosError) {
    guard hasRoot else {
      throw TelosError(
        .conflict, "the process whose root is \(root) ended while the intent was compiled",
        hint: "start it again")
    }
  }
}
