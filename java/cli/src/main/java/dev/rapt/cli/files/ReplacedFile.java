// SPDX-License-Identifier: Apache-2.0
package dev.rapt.cli.files;

import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * A file that gets new content. That is written under another name in the same folder and takes the
 * file's place when it is complete, so that a full disk or an interruption leaves what was there.
 * Pipes and devices are written as they are. Not thread-safe.
 */
public final class ReplacedFile implements AutoCloseable {
  private final Path file;

  /** Where the content stands until it is complete; null = in the file itself. */
  private final @Nullable Path temporary;

  private final OutputStream out;
  private boolean closed;

  private ReplacedFile(Path file, @Nullable Path temporary, OutputStream out) {
    this.file = file;
    this.temporary = temporary;
    this.out = new BufferedOutputStream(out);
  }

  /** What writes a file's content to a stream, which it leaves open. */
  public interface Content {
    /** Writes all of it. */
    void writeTo(OutputStream out) throws IOException;
  }

  /** Replaces a file's content at once. */
  public static void write(Path file, Content content) throws IOException {
    try (ReplacedFile replaced = open(file)) {
      content.writeTo(replaced.out());
      replaced.commit();
    }
  }

  /** Begins to write; {@link #close} drops what was written unless {@link #commit} was called. */
  public static ReplacedFile open(Path file) throws IOException {
    boolean exists = Files.exists(file);
    // A link to nowhere stays a link: its target is made.
    if (exists ? !Files.isRegularFile(file) : Files.isSymbolicLink(file)) {
      return direct(file);
    }
    if (exists && !Files.isWritable(file)) {
      throw new AccessDeniedException(file.toString());
    }
    Path target = exists ? file.toRealPath() : file;
    // Not the file's own name, which may be as long as names can be.
    Path temporary = target.resolveSibling(".rapt-" + UUID.randomUUID() + ".tmp");
    OutputStream out;
    try {
      out = Files.newOutputStream(temporary, StandardOpenOption.CREATE_NEW);
    } catch (NoSuchFileException noFolder) {
      throw noFolder;
    } catch (FileSystemException closedFolder) {
      // The file itself may be writable in a folder that is not.
      return direct(target);
    }
    temporary.toFile().deleteOnExit();
    if (exists) {
      keepPermissions(target, temporary);
    }
    return new ReplacedFile(target, temporary, out);
  }

  private static ReplacedFile direct(Path file) throws IOException {
    return new ReplacedFile(file, null, Files.newOutputStream(file));
  }

  private static void keepPermissions(Path from, Path to) throws IOException {
    try {
      Files.setPosixFilePermissions(to, Files.getPosixFilePermissions(from));
    } catch (UnsupportedOperationException notPosix) {
      // Such a file system gives every file what it wants.
    }
  }

  /** Takes the content. */
  public OutputStream out() {
    return out;
  }

  /** Completes the content and puts it in place. */
  public void commit() throws IOException {
    out.close();
    if (temporary != null) {
      Files.move(temporary, file, StandardCopyOption.ATOMIC_MOVE);
    }
    closed = true;
  }

  @Override
  public void close() throws IOException {
    if (closed) {
      return;
    }
    closed = true;
    try {
      out.close();
    } catch (IOException incomplete) {
      // What could not be written is dropped, and whoever wrote it knows.
    }
    if (temporary != null) {
      Files.deleteIfExists(temporary);
    }
  }
}
