// SPDX-License-Identifier: Apache-2.0
package dev.rapt.models.gguf;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A GGUF file of version 3, little-endian, mapped into memory. Opening it checks every size, count,
 * type and place; the heap holds keys, names and single values only, tensors and arrays stay in the
 * file. The file must not be cut off or written while it is open.
 *
 * {@snippet :
 * try (GgufFile file = GgufFile.open(Path.of("model.gguf"))) {
 *   String architecture = file.string("general.architecture");
 *   MemorySegment weights = file.tensor("token_embd.weight").segment();
 * }
 * }
 *
 * <p>Immutable, thread-safe. {@link #close()} ends the life of all segments.
 */
public final class GgufFile implements AutoCloseable {
  private static final int MAGIC = 0x4655_4747; // "GGUF"
  private static final int VERSION = 3;
  private static final String ALIGNMENT_KEY = "general.alignment";
  private static final long DEFAULT_ALIGNMENT = 32;

  /** Of a long: no type of element needs more. */
  private static final long LEAST_ALIGNMENT = 8;

  private final @Nullable Arena arena;
  private final Metadata metadata;
  private final Map<String, GgufTensor> tensors = new LinkedHashMap<>();

  private GgufFile(@Nullable Arena arena, MemorySegment bytes) throws GgufException {
    this.arena = arena;
    Header header = new Header(bytes);
    checkMagic(header);
    checkVersion(header.readInt("the version"));
    long tensorCount = TensorInfo.readCount(header);
    metadata = Metadata.read(header, Metadata.readCount(header));
    List<TensorInfo> infos = new ArrayList<>();
    for (long i = 0; i < tensorCount; i++) {
      infos.add(TensorInfo.read(header, i));
    }
    long alignment = alignment();
    // A header that ends in the file's last bytes has its data, none, behind them.
    long data = (header.at() + alignment - 1) / alignment * alignment;
    for (TensorInfo info : infos) {
      info.checkPlace(bytes.byteSize() - data, alignment);
      MemorySegment segment = bytes.asSlice(data + info.offset(), info.bytes()).asReadOnly();
      GgufTensor tensor = new GgufTensor(info.name(), info.type(), info.shape(), segment);
      if (tensors.put(info.name(), tensor) != null) {
        throw new GgufException(
            "the tensor " + info.name() + " stands twice in the file; allowed: once");
      }
    }
    checkApart(infos);
  }

  /**
   * Maps a file and checks it. The caller closes it.
   *
   * @throws GgufException naming what is wrong with its content
   * @throws IOException where it cannot be read
   */
  public static GgufFile open(Path path) throws IOException {
    Arena arena = Arena.ofShared();
    try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
      return new GgufFile(
          arena, channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena));
    } catch (IOException | RuntimeException | Error e) {
      arena.close();
      throw e;
    }
  }

  /**
   * The same for a file that is in memory, which stays the caller's.
   *
   * @throws GgufException naming what is wrong with its content
   */
  public static GgufFile of(MemorySegment bytes) throws GgufException {
    return new GgufFile(null, bytes);
  }

  private static void checkMagic(Header header) throws GgufException {
    int magic = header.readInt("the magic number");
    if (magic != MAGIC) {
      throw new GgufException(
          String.format(
              Locale.ROOT,
              "the file begins with the bytes %02x %02x %02x %02x; allowed: 47 47 55 46 (GGUF)",
              magic & 0xff,
              magic >>> 8 & 0xff,
              magic >>> 16 & 0xff,
              magic >>> 24));
    }
  }

  private static void checkVersion(int version) throws GgufException {
    if (version == VERSION) {
      return;
    }
    int swapped = Integer.reverseBytes(version);
    if (swapped > 0 && swapped <= VERSION) {
      throw new GgufException("the file is big-endian; allowed: little-endian files");
    }
    throw new GgufException(
        "the file is GGUF of version "
            + Integer.toUnsignedString(version)
            + "; allowed: version 3, which llama.cpp has written since October 2023");
  }

  private long alignment() throws GgufException {
    Long alignment = metadata.integer(ALIGNMENT_KEY);
    if (alignment == null) {
      return DEFAULT_ALIGNMENT;
    }
    if (alignment < LEAST_ALIGNMENT
        || alignment > Integer.MAX_VALUE
        || Long.bitCount(alignment) != 1) {
      throw new GgufException(
          ALIGNMENT_KEY + " is " + alignment + "; allowed: powers of two from 8 to 2³⁰");
    }
    return alignment;
  }

  private static void checkApart(List<TensorInfo> infos) throws GgufException {
    infos.sort(Comparator.comparingLong(TensorInfo::offset));
    for (int i = 1; i < infos.size(); i++) {
      TensorInfo before = infos.get(i - 1);
      TensorInfo next = infos.get(i);
      if (next.offset() - before.offset() < before.bytes()) {
        throw new GgufException(
            next.name()
                + " begins at offset "
                + next.offset()
                + ", within "
                + before.name()
                + ", which ends at "
                + (before.offset() + before.bytes())
                + "; allowed: tensors that do not overlap");
      }
    }
  }

  /** The keys of the metadata, in the file's order. */
  public Set<String> keys() {
    return metadata.keys();
  }

  /**
   * The integer of this key; null = the file has no such key.
   *
   * @throws GgufException where the value is of another type
   */
  public @Nullable Long integer(String key) throws GgufException {
    return metadata.integer(key);
  }

  /**
   * The number of this key, integer or not; null = the file has no such key.
   *
   * @throws GgufException where the value is of another type
   */
  public @Nullable Double number(String key) throws GgufException {
    return metadata.number(key);
  }

  /**
   * The bool of this key; null = the file has no such key.
   *
   * @throws GgufException where the value is of another type
   */
  public @Nullable Boolean bool(String key) throws GgufException {
    return metadata.bool(key);
  }

  /**
   * The string of this key; null = the file has no such key.
   *
   * @throws GgufException where the value is of another type
   */
  public @Nullable String string(String key) throws GgufException {
    return metadata.string(key);
  }

  /**
   * The array of this key; null = the file has no such key.
   *
   * @throws GgufException where the value is of another type
   */
  public @Nullable GgufArray array(String key) throws GgufException {
    return metadata.array(key);
  }

  /** The tensor of this name; null = the file has none. */
  public @Nullable GgufTensor tensor(String name) {
    return tensors.get(name);
  }

  /** All tensors, in the file's order. */
  public Collection<GgufTensor> tensors() {
    return Collections.unmodifiableCollection(tensors.values());
  }

  /** Unmaps the file, if this has mapped it. Idempotent. */
  @Override
  public void close() {
    if (arena != null && arena.scope().isAlive()) {
      arena.close();
    }
  }
}
