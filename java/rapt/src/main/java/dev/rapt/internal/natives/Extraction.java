// SPDX-License-Identifier: Apache-2.0
package dev.rapt.internal.natives;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Set;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * Unpacks the library into a folder of its own, named by its SHA-256, so that versions never mix
 * and any number of JVMs may do so at the same time. What is loaded is what was hashed: nobody but
 * this user may write there.
 */
final class Extraction {
  /** Opens the packaged library. */
  interface Source {
    @Nullable InputStream open() throws IOException;
  }

  private static final Set<PosixFilePermission> PRIVATE =
      PosixFilePermissions.fromString("rwx------");

  private final Path base;
  private final String sha256;
  private final String name;

  Extraction(Path base, String sha256, String name) {
    this.base = base;
    this.sha256 = sha256;
    this.name = name;
  }

  /** The unpacked file, its hash verified. */
  Path extract(Source source) throws IOException {
    Path folder = base.resolve(sha256);
    if (base.getParent() != null) {
      Files.createDirectories(base.getParent());
    }
    makePrivate(base);
    makePrivate(folder);
    Path file = folder.resolve(name);
    if (Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS) && hash(file).equals(sha256)) {
      return file;
    }
    // Not Files.createTempFile, which fails for every folder where java.io.tmpdir is a broken name.
    Path temporary = folder.resolve(name + "." + UUID.randomUUID() + ".tmp");
    try {
      try (InputStream stream = source.open()) {
        if (stream == null) {
          throw new IOException("the jar has natives.properties but no " + name);
        }
        Files.copy(stream, temporary); // only if there is none
      }
      String actual = hash(temporary);
      if (!actual.equals(sha256)) {
        throw new IOException(name + " has SHA-256 " + actual + " instead of " + sha256);
      }
      Files.move(temporary, file, StandardCopyOption.ATOMIC_MOVE);
    } finally {
      Files.deleteIfExists(temporary);
    }
    return file;
  }

  /** Creates a 0700 folder, or checks that an existing one is nobody else's. */
  private static void makePrivate(Path folder) throws IOException {
    if (!Files.isDirectory(folder, LinkOption.NOFOLLOW_LINKS)) {
      try {
        Files.createDirectory(folder, PosixFilePermissions.asFileAttribute(PRIVATE));
      } catch (FileAlreadyExistsException taken) {
        if (!Files.isDirectory(folder, LinkOption.NOFOLLOW_LINKS)) {
          throw new NotDirectoryException(folder.toString());
        }
      }
    }
    String owner = Integer.toUnsignedString(UserFolders.owner(folder));
    String self = Integer.toUnsignedString(UserFolders.self());
    if (!owner.equals(self)) {
      throw new FileSystemException(
          folder.toString(), null, "belongs to user " + owner + ", not to " + self);
    }
    if (!Files.getPosixFilePermissions(folder, LinkOption.NOFOLLOW_LINKS).equals(PRIVATE)) {
      Files.setPosixFilePermissions(folder, PRIVATE);
    }
  }

  private static String hash(Path file) throws IOException {
    try (DigestInputStream stream =
        new DigestInputStream(Files.newInputStream(file), MessageDigest.getInstance("SHA-256"))) {
      stream.transferTo(OutputStream.nullOutputStream());
      return HexFormat.of().formatHex(stream.getMessageDigest().digest());
    } catch (NoSuchAlgorithmException impossible) {
      throw new IOException("every JVM has SHA-256", impossible);
    }
  }
}
