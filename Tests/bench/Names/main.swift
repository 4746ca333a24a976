// The proxy of names on this machine, and load for it: what Tests/bench/Names/run calls.
//
//   serve AUTHORITY-PORT [WANTED-PORT]   prints the port, serves agents 1 to 64; sockets go to NOTIFY_SOCKET
//   ask PORT AGENT NAMES OUTSTANDING SECONDS      a closed loop: as many questions on their way as it says;
//                                                 0 seconds: each name once
//   flood PORT AGENT PER-SECOND SECONDS           an open loop that reads no answers
//   echo                                          what a datagram there and back costs by itself
import Glibc

let words = Array(CommandLine.arguments.dropFirst())
func number(_ index: Int) -> Int { words.count > index ? Int(words[index]) ?? 0 : 0 }

switch words.first {
case "serve":
  try await Serving.run(
    authority: UInt16(number(1)), port: words.count > 2 ? UInt16(number(2)) : nil)
case "ask":
  try Load(port: UInt16(number(1)), agent: UInt32(number(2)))
    .ask(names: number(3), outstanding: number(4), seconds: number(5))
case "flood":
  try Load(port: UInt16(number(1)), agent: UInt32(number(2)))
    .flood(perSecond: number(3), seconds: number(4))
case "echo": try Serving.echo()
default:
  print("usage: telos-names-bench serve|ask|flood|echo …")
  exit(64)
}
