// SPDX-License-Identifier: Apache-2.0
package dev.rapt.internal.natives;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Finds librapt_cuda.so, which the native library itself opens: the file that the system property
 * {@value #PATH_PROPERTY} or else the environment variable {@value #PATH_VARIABLE} names, or the
 * one in the jar of this platform, unpacked, or the one beside the native library.
 */
public final class CudaLibrary {
  /** Names the plug-in's file; set, it is the only place tried. */
  public static final String PATH_PROPERTY = "dev.rapt.librapt_cuda";

  /** The same for every user of the native library, who reads it by itself. */
  private static final String PATH_VARIABLE = "RAPT_CUDA_LIBRARY";

  private CudaLibrary() {}

  /**
   * What was found.
   *
   * @param path the file; empty where the native library is to look for itself
   * @param failure why the jar gave none; empty where it was not asked or gave one
   */
  public record Found(String path, String failure) {}

  /** Unpacked at most once per JVM: that reads and hashes the whole file. */
  private static final class Holder {
    static final Found PACKAGED = unpack();
  }

  /** Looks, without opening anything. Never throws. */
  public static Found find() {
    String named = System.getProperty(PATH_PROPERTY, "");
    if (!named.isEmpty()) {
      return new Found(named, "");
    }
    String variable = System.getenv(PATH_VARIABLE);
    return variable != null && !variable.isEmpty() ? new Found("", "") : Holder.PACKAGED;
  }

  private static Found unpack() {
    List<String> failures = new ArrayList<>();
    UserFolders folders = UserFolders.find();
    Path proven = folderOfNativeLibrary(folders.usable());
    if (proven != null) {
      folders.usable().addFirst(proven);
    }
    Path file =
        new PackagedLibrary(
                CudaLibrary.class.getClassLoader(),
                LibraryLoader.platform() + "-cuda13",
                folders,
                failures)
            .unpack(unpacked -> true);
    return file == null
        ? new Found("", String.join("; ", failures))
        : new Found(file.toString(), "");
  }

  /** A folder from which the native library was loaded does not forbid to run what lies there. */
  private static @Nullable Path folderOfNativeLibrary(List<Path> folders) {
    String source = NativeLibrary.source();
    return folders.stream()
        .filter(folder -> !source.isEmpty() && Path.of(source).startsWith(folder))
        .findFirst()
        .orElse(null);
  }
}
