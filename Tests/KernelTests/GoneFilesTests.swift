import CLibbpf
import Glibc
import TelosCore
import Testing

@testable import Kernel

@Suite("Files that are gone")
struct GoneFilesTests {
  /// A folder on the file system of the checkout; nil where that is none that can be asked.
  private static func folder() throws -> String? {
    let root = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
    var system = statfs()
    guard statfs("/\(root)", &system) == 0, system.f_type == 0xef53 || system.f_type == 0x5846_5342
    else { return nil }
    var template = Array("/\(root)/build/gone-XXXXXX".utf8CString)
    try require(mkdtemp(&template) != nil, "make a folder")
    return String(
      decoding: template.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  @Test(
    "a deleted file is gone, one that is there, is open or has another name is not",
    .enabled(if: isRoot))
  func deleted() throws {
    guard let folder = try Self.folder() else { return }
    defer { rmdir(folder) }
    func make(_ name: String) throws -> FileIdentity {
      try DurableFile.write([1], to: "\(folder)/\(name)")
      return try #require(try StatResolver().identities(of: "\(folder)/\(name)").first)
    }
    let files = try ["there", "deleted", "open", "renamed", "linked"].map(make)
    #expect(files.allSatisfy { $0.generation != 0 }, "or it proves less")
    #expect(GoneFiles().among(files).isEmpty)
    let descriptor = open("\(folder)/open", O_RDONLY | O_CLOEXEC)
    link("\(folder)/linked", "\(folder)/other")
    for name in ["deleted", "open", "linked"] { unlink("\(folder)/\(name)") }
    rename("\(folder)/renamed", "\(folder)/new")
    #expect(GoneFiles().among(files) == [files[1]])
    close(descriptor)
    // A process that another test starts in this moment has it open as well.
    for _ in 0..<100 where GoneFiles().among(files).count < 2 { usleep(50_000) }
    #expect(GoneFiles().among(files) == [files[1], files[2]])
    var again = files[0]
    again.generation &+= 1
    #expect(GoneFiles().among([again]) == [again], "another file had this inode")
    for name in ["there", "new", "other"] { unlink("\(folder)/\(name)") }
    #expect(Set(GoneFiles().among(files)) == Set(files))
  }

  @Test("of file systems that cannot be asked, nothing is said", .enabled(if: isRoot))
  func unknown() throws {
    let path = "/dev/shm/telos-gone-\(getpid())"
    try DurableFile.write([1], to: path)
    let file = try #require(try StatResolver().identities(of: path).first)
    unlink(path)
    let nowhere = FileIdentity(inode: 5, device: 4095 << 20 | 7, generation: 1)
    #expect(GoneFiles().among([file, nowhere]).isEmpty)
    #expect(
      GoneFiles(
        MountTable(
          "1 0 \(file.device >> 20):\(file.device & 0xfffff) / /dev/shm rw - ext4 x rw".utf8)
      )
      .among([file]).isEmpty, "what calls itself ext4 must also answer as it")
  }

  @Test("a table of mounts says device, kind and place")
  func table() {
    let table = MountTable(
      """
      27 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw
      30 27 0:27 / /mnt/with\\040space rw shared:2 master:1 - tmpfs tmp\\040fs rw,size=1k
      nonsense
      31 27 0:28 /sub /x rw - btrfs /dev/vdb rw
      32 27 9999:1 / /y rw - ext4 /dev/z rw
      """.utf8)
    #expect(table.mounts.map(\.type) == ["ext4", "tmpfs", "btrfs"])
    #expect(table.mounts.map(\.point) == ["/", "/mnt/with space", "/x"])
    #expect(table.mounts.map(\.device) == [254 << 20 | 1, 27, 28])
    #expect(table.inMemory == [27])
  }

  @Test("mount points are bytes: names that are not UTF-8, and marks that combine with a blank")
  func bytes() {
    let line = Array("30 27 0:27 / /mnt/".utf8) + [0xff] + Array("\u{301} rw - tmpfs t rw\n".utf8)
    let other = Array("31 27 0:28 / \u{301}/x rw - ext4 t rw".utf8)
    let table = MountTable(line + other)
    #expect(
      table.mounts.map(\.point.bytes) == [
        Array("/mnt/".utf8) + [0xff] + Array("\u{301}".utf8), Array("\u{301}/x".utf8),
      ])
  }
}
