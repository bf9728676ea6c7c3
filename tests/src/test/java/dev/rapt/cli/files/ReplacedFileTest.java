// SPDX-License-Identifier: Apache-2.0
package dev.rapt.cli.files;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A file has its old content or the whole new one. */
class ReplacedFileTest {
  private static final String LONG_NAME = "n".repeat(255);

  @TempDir private Path folder;

  private static void text(OutputStream out) throws IOException {
    out.write("new".getBytes(StandardCharsets.UTF_8));
  }

  private static void fullDisk(OutputStream out) throws IOException {
    out.write(new byte[1 << 20]);
    throw new IOException("No space left on device");
  }

  private List<String> files() throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.map(file -> file.getFileName().toString()).sorted().toList();
    }
  }

  @Test
  void takesNewContent() throws IOException {
    for (String name : List.of("plain", LONG_NAME)) {
      Path file = folder.resolve(name);
      ReplacedFile.write(file, ReplacedFileTest::text);
      ReplacedFile.write(file, ReplacedFileTest::text);
      assertEquals("new", Files.readString(file));
    }
    assertEquals(List.of(LONG_NAME, "plain"), files());
  }

  @Test
  void aFailureLeavesWhatWasThere() throws IOException {
    Path file = folder.resolve("file");
    assertThrows(IOException.class, () -> ReplacedFile.write(file, ReplacedFileTest::fullDisk));
    assertEquals(List.of(), files());
    Files.writeString(file, "old");
    assertThrows(IOException.class, () -> ReplacedFile.write(file, ReplacedFileTest::fullDisk));
    assertEquals("old", Files.readString(file));
    assertEquals(List.of("file"), files());
  }

  @Test
  void linksAndPermissionsStay() throws IOException {
    Path file = folder.resolve("file");
    Path link = folder.resolve("link");
    Files.createSymbolicLink(link, Path.of("file"));
    ReplacedFile.write(link, ReplacedFileTest::text);
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-r-----"));
    ReplacedFile.write(link, ReplacedFileTest::text);
    assertTrue(Files.isSymbolicLink(link));
    assertEquals("new", Files.readString(file));
    assertEquals("rw-r-----", PosixFilePermissions.toString(Files.getPosixFilePermissions(file)));
  }

  @Test
  void aPipeIsWrittenAsItIs() throws Exception {
    Path pipe = folder.resolve("pipe");
    Path copy = folder.resolve("copy");
    assertEquals(0, new ProcessBuilder("mkfifo", pipe.toString()).start().waitFor());
    Process reader =
        new ProcessBuilder("sh", "-c", "cat \"$0\" >\"$1\"", pipe.toString(), copy.toString())
            .start();
    ReplacedFile.write(pipe, ReplacedFileTest::text);
    assertEquals(0, reader.waitFor());
    assertEquals("new", Files.readString(copy));
    assertEquals(List.of("copy", "pipe"), files());
  }
}
