/** Waits, so that somebody can look into it. */
public class Sleep {
  public static void main(String[] arguments) throws Exception {
    java.nio.file.Files.createFile(java.nio.file.Path.of("ready"));
    Thread.sleep(600_000);
  }
}
