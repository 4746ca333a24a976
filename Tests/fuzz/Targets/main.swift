import CLibFuzzer
import Glibc

// telos-fuzz TARGET [libFuzzer's options and folders]; --list; TARGET --seeds FOLDER.

func stop(_ text: String) -> Never {
  print("telos-fuzz: \(text)")
  exit(2)
}

let arguments = CommandLine.arguments
let name = arguments.dropFirst().first ?? "--list"
if name == "--list" {
  for target in targets { print(target.name) }
  exit(0)
}
guard let target = targets.first(where: { $0.name == name }) else { stop("no target \(name)") }
if arguments.count == 4, arguments[2] == "--seeds" {
  do { try target.writeSeeds(to: arguments[3]) } catch { stop("\(error)") }
  exit(0)
}

// The C callback captures nothing, but may read what is global.
let examine = target.examine
let own = [arguments[0]] + arguments.dropFirst(2)
var count = CInt(own.count)
var vector: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = .allocate(capacity: own.count + 1)
for (index, text) in own.enumerated() { vector?[index] = strdup(text) }
vector?[own.count] = nil
let status = LLVMFuzzerRunDriver(&count, &vector) { data, size in
  examine(Array(UnsafeBufferPointer(start: data, count: size)))
  return 0
}
exit(status)
