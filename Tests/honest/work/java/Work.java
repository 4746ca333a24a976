import com.sun.net.httpserver.HttpServer;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import java.util.stream.LongStream;

/** What Java programs lean on: compiled loops, threads, mapped files, processes, a server of their own. */
public class Work {
  static long sieve(int limit) {
    boolean[] composite = new boolean[limit + 1];
    long count = 0;
    for (int number = 2; number <= limit; number++) {
      if (composite[number]) continue;
      count++;
      for (long multiple = (long) number * number; multiple <= limit; multiple += number) composite[(int) multiple] = true;
    }
    return count;
  }

  public static void main(String[] arguments) throws Exception {
    System.out.println("primes " + sieve(500_000));
    System.out.println("parallel " + LongStream.range(0, 200_000).parallel().map(one -> one * one % 7).sum());
    var threads = Executors.newFixedThreadPool(4);
    List<Callable<Long>> work = new ArrayList<>();
    for (int number = 0; number < 8; number++) work.add(() -> sieve(20_000));
    long sum = 0;
    for (var done : threads.invokeAll(work)) sum += done.get();
    System.out.println("threads " + sum);
    threads.shutdown();
    Path file = Path.of("mapped");
    try (var channel = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
      var map = channel.map(FileChannel.MapMode.READ_WRITE, 0, 8192);
      map.put(4096, (byte) 65);
      map.force();
      var lock = channel.lock();
      System.out.println("mapped " + Files.size(file) + " " + map.get(4096) + " " + lock.isValid());
      lock.release();
    }
    var server = HttpServer.create(new InetSocketAddress("127.0.0.1", 0), 0);
    server.createContext("/", exchange -> {
      exchange.sendResponseHeaders(200, 5);
      try (var out = exchange.getResponseBody()) {
        out.write("hello".getBytes());
      }
    });
    server.start();
    var request = HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + server.getAddress().getPort() + "/")).build();
    System.out.println("http " + HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofString()).body());
    server.stop(0);
    var process = new ProcessBuilder(System.getProperty("java.home") + "/bin/java", "-version").redirectErrorStream(true).start();
    process.getInputStream().readAllBytes();
    System.out.println("process " + process.waitFor());
  }
}
