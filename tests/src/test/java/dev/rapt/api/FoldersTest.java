// SPDX-License-Identifier: Apache-2.0
package dev.rapt.api;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.rapt.api.FreshJvm.Outcome;
import dev.rapt.models.MiniLmEncoder;
import dev.rapt.models.MiniLmTokenizer;
import java.io.File;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The folders where natives are unpacked: one that cannot serve is passed over. */
@Timeout(value = 600, unit = TimeUnit.SECONDS)
class FoldersTest {
  /** Stands for a name with an é, which the shell writes in UTF-8 whatever the locale is. */
  private static final String ACCENTED = "/caf@";

  @TempDir Path temp;

  /** What the fresh JVM runs for the tokenizer: prints the tokens of a word. */
  public static final class TokenizerProbe {
    private TokenizerProbe() {}

    /** Takes no arguments. */
    public static void main(String[] args) {
      try (MiniLmTokenizer tokenizer = MiniLmEncoder.loadTokenizer()) {
        System.out.println("tokens: " + tokenizer.tokenize("word").tokens());
      } catch (UncheckedIOException refused) {
        System.out.println("refused: " + refused.getMessage());
      }
    }
  }

  /** Runs a program under LC_ALL=C with an accent in some of the names. */
  private Outcome run(Class<?> program, String cache, String home, String temporary, String... more)
      throws Exception {
    String script =
        """
        accent=$(printf '\\303\\251')
        for argument; do
          shift
          set -- "$@" "$(printf %s "$argument" | sed "s/@/$accent/")"
        done
        unset DJL_CACHE_DIR ENGINE_CACHE_DIR
        export XDG_CACHE_HOME="$1" LC_ALL=C
        shift
        exec "$@"
        """;
    List<String> command = new ArrayList<>(List.of("sh", "-c", script, "sh", cache));
    command.addAll(List.of(FreshJvm.tool("java"), "-Duser.home=" + home));
    command.addAll(List.of("-Djava.io.tmpdir=" + temporary));
    command.addAll(List.of(more));
    command.addAll(List.of("--enable-native-access=ALL-UNNAMED", "-cp", FreshJvm.CLASS_PATH));
    command.add(program.getName());
    return new FreshJvm(temp).run(Map.of(), command);
  }

  private String folder(String name) throws Exception {
    return Files.createDirectories(temp.resolve(name)).toString();
  }

  private static int self() throws Exception {
    return (int) Files.getAttribute(Path.of("/proc/self"), "unix:uid");
  }

  private static void assertSource(String folder, Outcome outcome) {
    assertTrue(outcome.stdout().contains("native: true"), outcome.toString());
    assertTrue(outcome.stdout().contains("source: " + folder + "/"), outcome.toString());
  }

  private static String reason(Outcome outcome) {
    return outcome.stdout().lines().filter(line -> line.startsWith("reason: ")).findFirst().get();
  }

  @Test
  void passesOverANameThatTheLocaleCannotWrite() throws Exception {
    String good = folder("good");
    String bad = temp + ACCENTED;
    assertSource(good + "/rapt", run(Probe.class, good, bad, bad));
    assertSource(good + "/.cache/rapt", run(Probe.class, bad, good, bad));
    assertSource(good + "/rapt-" + self(), run(Probe.class, bad, bad, good));
  }

  @Test
  void saysWhatToDoWhereNoNameCanBeWritten() throws Exception {
    String bad = temp + ACCENTED;
    Outcome nowhere = run(Probe.class, bad, bad + "/home", bad + "/tmp");
    assertTrue(nowhere.stdout().contains("native: false"), nowhere.toString());
    String advice = "LC_ALL=C.UTF-8";
    String reason = reason(nowhere);
    assertEquals(2, reason.split(advice, -1).length, "once: " + reason);
    Outcome named = run(Probe.class, bad, bad, bad, "-Ddev.rapt.librapt=" + bad + "/librapt.so");
    assertTrue(reason(named).contains("dev.rapt.librapt: "), named.toString());
    assertTrue(reason(named).contains(advice), named.toString());
  }

  /** Each path stands in the reason once, and so does what the system says of it. */
  @Test
  void namesEachFolderOnce() throws Exception {
    Path file = Files.writeString(temp.resolve("file"), "in the way");
    Outcome outcome = run(Probe.class, file + "/a", file + "/b", file + "/c");
    String reason = reason(outcome);
    for (String folder : List.of("/a/rapt", "/b/.cache/rapt", "/c/rapt-" + self())) {
      assertEquals(2, reason.split(file + folder + ": ", -1).length, reason);
    }
    Path broken = Files.writeString(temp.resolve("broken.so"), "no library");
    Outcome named = run(Probe.class, "", "?", "/tmp", "-Ddev.rapt.librapt=" + broken);
    assertTrue(
        named.stdout().contains("=" + broken + ": file too short")
            || named.stdout().contains("=" + broken + ": invalid ELF header"),
        named.toString());
  }

  /** As in a container: users without a name or a home, and one temporary folder for all. */
  @Test
  void usersWithoutANameDoNotShareAFolder() throws Exception {
    String shared = folder("shared");
    for (String taken : List.of("rapt-_", ".djl.ai")) {
      Files.writeString(Path.of(shared, taken), "another user's");
    }
    Outcome outcome = run(Probe.class, "", "?", shared, "-Duser.name=?");
    assertSource(shared + "/rapt-" + self(), outcome);
    Outcome tokens = run(TokenizerProbe.class, "", "?", shared, "-Duser.name=?");
    assertTrue(tokens.stdout().contains("tokens: [[CLS], word, [SEP]]"), tokens.toString());
    Path cache = Path.of(shared, "rapt-djl-" + self());
    assertEquals("rwx------", PosixFilePermissions.toString(Files.getPosixFilePermissions(cache)));
  }

  @Test
  void twoUsersOfOneTemporaryFolder() throws Exception {
    assumeTrue(self() == 0 && new File("/usr/bin/setpriv").exists(), "only root is two users");
    String shared = folder("shared");
    Files.setPosixFilePermissions(temp, PosixFilePermissions.fromString("rwxr-xr-x"));
    Files.setPosixFilePermissions(Path.of(shared), PosixFilePermissions.fromString("rwxrwxrwx"));
    List<String> classPath = new ArrayList<>();
    for (String jar : FreshJvm.jars()) {
      Path copy = temp.resolve(Path.of(jar).getFileName());
      classPath.add(Files.copy(Path.of(jar), copy).toString());
    }
    String name = Probe.class.getName().replace('.', '/') + ".class";
    Path probe = Files.createDirectories(temp.resolve("classes/dev/rapt/api"));
    try (var stream = Probe.class.getClassLoader().getResourceAsStream(name)) {
      Files.copy(stream, probe.resolve("Probe.class"));
    }
    classPath.add(temp.resolve("classes").toString());
    for (String user : List.of("12345", "12346")) {
      String switching = "--reuid " + user + " --regid " + user + " --clear-groups";
      List<String> command = new ArrayList<>(List.of("env", "-u", "HOME", "-u", "XDG_CACHE_HOME"));
      command.add("/usr/bin/setpriv");
      command.addAll(Arrays.asList(switching.split(" ")));
      command.addAll(List.of(FreshJvm.tool("java"), "-Djava.io.tmpdir=" + shared));
      command.addAll(List.of("--enable-native-access=ALL-UNNAMED", "-cp"));
      command.addAll(List.of(FreshJvm.path(classPath), Probe.class.getName()));
      assertSource(shared + "/rapt-" + user, new FreshJvm(temp).run(Map.of(), command));
    }
  }

  @Test
  void theTokenizerPassesOverANameThatTheLocaleCannotWrite() throws Exception {
    String bad = temp + ACCENTED;
    Outcome outcome = run(TokenizerProbe.class, "", bad, folder("good"));
    assertTrue(outcome.stdout().contains("tokens: [[CLS], word, [SEP]]"), outcome.toString());
    Outcome nowhere = run(TokenizerProbe.class, "", bad, bad);
    assertRefusal("DJL_CACHE_DIR", nowhere);
    assertRefusal("caf", run(TokenizerProbe.class, "", folder("home"), bad));
  }

  @Test
  void theTokenizerSaysHowMuchRoomThereIs() throws Exception {
    String home = folder("home");
    Files.writeString(Path.of(home, ".djl.ai"), "in the way");
    Outcome outcome = run(TokenizerProbe.class, "", home, folder("good"));
    String refusal = ".*" + home + "/\\.djl\\.ai/tokenizers, where \\d+ MB are free, or .*";
    assertTrue(outcome.stdout().strip().matches(refusal), outcome.toString());
  }

  private static void assertRefusal(String words, Outcome outcome) {
    assertTrue(outcome.stdout().contains("refused: "), outcome.toString());
    assertTrue(outcome.stdout().contains(words), outcome.toString());
    assertTrue(outcome.stdout().contains("LC_ALL=C.UTF-8"), outcome.toString());
  }
}
