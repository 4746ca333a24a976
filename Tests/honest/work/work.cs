using System;
using System.Linq;
using System.Net;
using System.Net.Sockets;
using System.Threading.Tasks;

/// What programs of .NET lean on: generics and closures that are compiled as they run, tasks, sockets.
public static class Work {
  static int Sieve(int limit) {
    var composite = new bool[limit + 1];
    var count = 0;
    for (var number = 2; number <= limit; number++) {
      if (composite[number]) continue;
      count++;
      for (long multiple = (long)number * number; multiple <= limit; multiple += number) composite[multiple] = true;
    }
    return count;
  }

  public static int Main(string[] arguments) {
    Console.WriteLine("primes " + Sieve(200000));
    Console.WriteLine("tasks " + Enumerable.Range(0, 8).Select(_ => Task.Run(() => Sieve(10000))).Sum(task => task.Result));
    var server = new TcpListener(IPAddress.Loopback, 0);
    server.Start();
    var client = new TcpClient();
    client.Connect(IPAddress.Loopback, ((IPEndPoint)server.LocalEndpoint).Port);
    var there = server.AcceptTcpClient();
    there.GetStream().Write(new byte[] { 65, 66 }, 0, 2);
    Console.WriteLine("socket " + client.GetStream().ReadByte());
    server.Stop();
    return 0;
  }
}
