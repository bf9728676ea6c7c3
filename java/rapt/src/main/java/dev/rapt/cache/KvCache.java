// SPDX-License-Identifier: Apache-2.0
package dev.rapt.cache;

import dev.rapt.CudaDevice;
import dev.rapt.DType;
import dev.rapt.Device;
import dev.rapt.Tensor;
import dev.rapt.internal.Lifetime;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.channels.ReadableByteChannel;
import java.util.Objects;

/**
 * Keys and values of any number of texts, for all layers of a model, in pages of (kv heads, page
 * size, head dim). It lies in host memory, for the CPU and the Java reference.
 *
 * {@snippet :
 * try (Device device = Device.best();
 *     KvCache cache =
 *         KvCache.builder()
 *             .layers(32)
 *             .kvHeads(8)
 *             .headDim(128)
 *             .dtype(DType.BF16)
 *             .byteLimit(4L << 30)
 *             .build();
 *     Sequence text = cache.newSequence();
 *     Step step = cache.newStep(device, 64, 512)) {
 *   step.add(text, 16); // the prompt's 16 tokens
 *   step.plan();
 *   // ... append and run in each layer, then
 *   step.commit();
 * }
 * }
 *
 * <p>Thread-safe. {@link #close()} is idempotent, waits for running calls and frees everything.
 * Afterwards whatever makes a sequence or a step, takes or indexes pages or works on the memory
 * throws {@link IllegalStateException}; what only counts or gives back goes on: statistics,
 * lengths, truncating, rolling back, clearing the index, and closing sequences and steps.
 */
public final class KvCache implements AutoCloseable {
  private final CacheShape shape;
  private final PagePool pool;
  private final CacheMemory memory;
  private final Arena arena = Arena.ofShared();
  private final Lifetime lifetime = new Lifetime("cache");
  private final PrefixIndex prefixes;
  private long sequences;

  /** Guards the pool, the sequences' lists of pages, and who has which sequence. */
  final Object lock = new Object();

  private KvCache(CacheShape shape, int pages) {
    this.shape = shape;
    try {
      pool = new PagePool(pages);
      prefixes = new PrefixIndex(this, pages);
      memory = new CacheMemory(arena, shape, pages);
    } catch (RuntimeException | Error e) {
      arena.close();
      throw e;
    }
  }

  /** A builder, which needs layers, kv heads, head dimension and a limit. */
  public static Builder builder() {
    return new Builder();
  }

  /** Layers of the model. */
  public int layers() {
    return shape.layers();
  }

  /** Tokens of a page. */
  public int pageSize() {
    return shape.pageSize();
  }

  /** An empty text. */
  public Sequence newSequence() {
    return newSequence(0);
  }

  /**
   * An empty text whose list of pages, and that of its forks, is long enough for so many tokens
   * from the start: until there are more, it does not grow in a step. It takes no pages yet.
   *
   * @param tokens that the text may have, 0 or more; more than the cache holds counts as all
   * @throws IllegalArgumentException where it is negative
   * @throws IllegalStateException where the cache is closed
   */
  public Sequence newSequence(int tokens) {
    if (tokens < 0) {
      throw new IllegalArgumentException("tokens is " + tokens + "; allowed: 0 or more");
    }
    lifetime.enter();
    try {
      synchronized (lock) {
        int room = Math.min(shape.pagesOf(tokens), pool.pages());
        return new Sequence(this, ++sequences, room);
      }
    } finally {
      lifetime.exit();
    }
  }

  /**
   * An empty step. The caller closes it.
   *
   * @param device the CPU or the Java reference
   * @param mostSequences that it ever has at once
   * @param mostTokens that it ever has at once, all sequences together
   * @throws IllegalArgumentException where the device is a GPU, or one of the others less than 1
   * @throws IllegalStateException where the cache is closed
   */
  public Step newStep(Device device, int mostSequences, int mostTokens) {
    Objects.requireNonNull(device, "device");
    if (device instanceof CudaDevice) {
      throw new IllegalArgumentException(
          "device is " + device.name() + "; allowed: the CPU and the Java reference");
    }
    positive("mostSequences", mostSequences);
    positive("mostTokens", mostTokens);
    lifetime.enter();
    try {
      return new Step(this, device, mostSequences, mostTokens);
    } finally {
      lifetime.exit();
    }
  }

  private static void positive(String name, int value) {
    if (value < 1) {
      throw new IllegalArgumentException(name + " is " + value + "; allowed: 1 or more");
    }
  }

  /**
   * (pages, kv heads, page size, head dim): a layer's keys, for calls of the engine's own. Whoever
   * writes to them keeps to the slots of a step. Such calls must have ended before the cache is
   * closed, as those on the other tensors must.
   *
   * @throws IndexOutOfBoundsException where there is no such layer
   */
  public Tensor keys(int layer) {
    return memory.keys(layerOf(layer));
  }

  /**
   * (pages, kv heads, page size, value dim): a layer's values. Calls on them must have ended before
   * the cache is closed.
   */
  public Tensor values(int layer) {
    return memory.values(layerOf(layer));
  }

  /**
   * (pages, kv heads, page size, groups): the scales of a layer's keys.
   *
   * @throws IllegalStateException where the cache is not of I8
   */
  public Tensor keyScales(int layer) {
    checkScaled();
    return memory.keyScales(layerOf(layer));
  }

  /** (pages, kv heads, page size, groups): the scales of a layer's values. */
  public Tensor valueScales(int layer) {
    checkScaled();
    return memory.valueScales(layerOf(layer));
  }

  private void checkScaled() {
    if (!shape.scaled()) {
      throw new IllegalStateException(
          "the cache is of " + shape.dtype() + " and has no scales; allowed: a cache of I8");
    }
  }

  private int layerOf(int layer) {
    return Objects.checkIndex(layer, shape.layers());
  }

  /** The beginnings of texts that are kept for others that begin alike. */
  public PrefixIndex prefixes() {
    return prefixes;
  }

  /**
   * A sequence that {@link Sequence#save} has written, from the channel's position on; the channel
   * may go on behind it. The sequence is there once its checksum has been compared, and not before.
   * The caller closes it.
   *
   * @param channel a blocking one
   * @throws SavedSequenceException where that is no saved sequence, is not all there, was altered,
   *     or is of a cache of other layers, heads, head dimensions or another type
   * @throws CacheFullException where there are too few pages for it
   * @throws IOException where the channel fails
   * @throws IllegalStateException where the cache is closed
   */
  public Sequence restore(ReadableByteChannel channel) throws IOException {
    Objects.requireNonNull(channel, "channel");
    lifetime.enter();
    try {
      return SavedSequence.restore(this, channel);
    } finally {
      lifetime.exit();
    }
  }

  /** Who holds how many pages, at this moment. */
  public CacheStatistics statistics() {
    synchronized (lock) {
      int free = pool.free();
      return new CacheStatistics(
          pool.pages(),
          pool.pages() - free,
          pool.shared(),
          prefixes.reclaimable(),
          free,
          shape.pageBytes());
    }
  }

  /** Whether {@link #close()} has begun. */
  public boolean isClosed() {
    return lifetime.isClosed();
  }

  /**
   * Waits for running calls and frees everything. Idempotent.
   *
   * @throws IllegalStateException where a call of the engine's own is running on the memory; the
   *     cache refuses all work from then on, and its memory is there until a further close
   */
  @Override
  public void close() {
    lifetime.close(() -> {});
    synchronized (lock) {
      if (arena.scope().isAlive()) {
        arena.close(); // not in the lifetime's close, which runs once: this one may be refused
      }
    }
  }

  /** For example {@code cache of 512 pages of 32 tokens, 8 layers, BF16}. */
  @Override
  public String toString() {
    return "cache of "
        + pool.pages()
        + " pages of "
        + shape.pageSize()
        + " tokens, "
        + shape.layers()
        + " layers, "
        + shape.dtype();
  }

  CacheShape shape() {
    return shape;
  }

  CacheMemory memory() {
    return memory;
  }

  Lifetime lifetime() {
    return lifetime;
  }

  /** To be used with the lock held. */
  PagePool pool() {
    return pool;
  }

  /** Makes sure that so many pages are free, or changes nothing. With the lock held. */
  void require(Sequence who, int pages) {
    if (pool.free() < pages && !prefixes.reclaim(pages - pool.free())) {
      int available = pool.free() + prefixes.reclaimable();
      throw new CacheFullException(who.toString(), pages, available, pool.pages());
    }
  }

  void checkOwn(Sequence sequence) {
    if (sequence.cache() != this) {
      throw new IllegalArgumentException(
          sequence + " is of another cache; allowed: those of " + this);
    }
  }

  /** A sequence with the pages of another one. With the lock held. */
  Sequence fork(Sequence parent) {
    return new Sequence(this, ++sequences, parent);
  }

  /** Collects the sizes of a {@link KvCache}. Not thread-safe. */
  public static final class Builder {
    /** What fits an int, as page numbers do. */
    private static final long MOST_PAGES = Integer.MAX_VALUE - 8;

    private static final int MOST_HEADS = 1 << 24;
    private static final int MOST_HEAD_DIM = 1024;
    private static final int MOST_PAGE_SIZE = 1 << 20;
    private static final int MOST_LAYERS = 1 << 16;

    private int layers;
    private int kvHeads;
    private int keyDim;
    private int valueDim; // 0: as the keys
    private DType dtype = DType.F32;
    private int groups = 1;
    private int pageSize = 32;
    private long bytes = -1;
    private long pages = -1;

    private Builder() {}

    /** How many layers the model has. */
    public Builder layers(int layers) {
      this.layers = within("layers", layers, MOST_LAYERS);
      return this;
    }

    /** How many key and value heads a layer has. */
    public Builder kvHeads(int kvHeads) {
      this.kvHeads = within("kvHeads", kvHeads, MOST_HEADS);
      return this;
    }

    /** Elements of a row, of keys, and of values where {@link #valueDim} says nothing else. */
    public Builder headDim(int headDim) {
      keyDim = within("headDim", headDim, MOST_HEAD_DIM);
      return this;
    }

    /** Elements of a row of values; by default as many as of keys. */
    public Builder valueDim(int valueDim) {
      this.valueDim = within("valueDim", valueDim, MOST_HEAD_DIM);
      return this;
    }

    /** What is stored: F32, the default, F16, BF16 or I8 with scales. */
    public Builder dtype(DType dtype) {
      Objects.requireNonNull(dtype, "dtype");
      if (!dtype.isFloating() && dtype != DType.I8) {
        throw new IllegalArgumentException(
            "dtype is " + dtype + "; allowed: F32, F16, BF16 and I8");
      }
      this.dtype = dtype;
      return this;
    }

    /** Scales of a row of I8, a divisor of the head dimensions; by default 1. */
    public Builder groups(int groups) {
      this.groups = within("groups", groups, MOST_HEAD_DIM);
      return this;
    }

    /** Tokens of a page; by default 32. */
    public Builder pageSize(int pageSize) {
      this.pageSize = within("pageSize", pageSize, MOST_PAGE_SIZE);
      return this;
    }

    /** As many pages as fit so many bytes. */
    public Builder byteLimit(long bytes) {
      if (bytes < 1) {
        throw new IllegalArgumentException("byteLimit is " + bytes + "; allowed: 1 or more");
      }
      this.bytes = bytes;
      return this;
    }

    /** So many pages, in place of a limit in bytes. */
    public Builder pages(long pages) {
      if (pages < 1 || pages > MOST_PAGES) {
        throw new IllegalArgumentException("pages is " + pages + "; allowed: 1 to " + MOST_PAGES);
      }
      this.pages = pages;
      return this;
    }

    private static int within(String name, int value, int most) {
      if (value < 1 || value > most) {
        throw new IllegalArgumentException(name + " is " + value + "; allowed: 1 to " + most);
      }
      return value;
    }

    /**
     * The cache.
     *
     * @throws IllegalArgumentException where something is missing or does not fit
     * @throws OutOfMemoryError where the memory cannot be had
     */
    public KvCache build() {
      within("layers", layers, MOST_LAYERS);
      within("kvHeads", kvHeads, MOST_HEADS);
      within("headDim", keyDim, MOST_HEAD_DIM);
      int valueDim = this.valueDim == 0 ? keyDim : this.valueDim;
      int scales = dtype == DType.I8 ? groups : 0;
      if (scales > 0 && (keyDim % scales != 0 || valueDim % scales != 0)) {
        throw new IllegalArgumentException(
            "groups is "
                + groups
                + "; allowed: the divisors of the head dimensions, "
                + keyDim
                + " and "
                + valueDim);
      }
      CacheShape shape = new CacheShape(layers, kvHeads, keyDim, valueDim, dtype, scales, pageSize);
      return new KvCache(shape, count(shape));
    }

    private int count(CacheShape shape) {
      long pageBytes;
      try {
        pageBytes = shape.pageBytes();
      } catch (ArithmeticException overflow) {
        throw new IllegalArgumentException("a page takes more than 2^63 - 1 bytes", overflow);
      }
      if ((bytes < 0) == (pages < 0)) {
        throw new IllegalArgumentException(
            (bytes < 0 ? "neither byteLimit nor pages is" : "both byteLimit and pages are")
                + " given; allowed: one of them");
      }
      long count = pages < 0 ? Math.min(MOST_PAGES, bytes / pageBytes) : pages;
      if (count < 1) {
        throw new IllegalArgumentException(
            "byteLimit is " + bytes + "; allowed: " + pageBytes + " or more, a page");
      }
      if (count > Long.MAX_VALUE / 2 / pageBytes) {
        throw new IllegalArgumentException(
            "pages is " + count + ", of " + pageBytes + " bytes each; allowed: what memory holds");
      }
      return (int) count;
    }
  }
}
