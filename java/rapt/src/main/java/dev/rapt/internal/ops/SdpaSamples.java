// SPDX-License-Identifier: Apache-2.0
package dev.rapt.internal.ops;

import dev.rapt.internal.call.CallFrame;
import dev.rapt.internal.call.OperandView;
import org.jspecify.annotations.Nullable;

/** The samples of a checked call of attention: where each lies in the call's tensors, in Java. */
public final class SdpaSamples {
  /**
   * A sample.
   *
   * @param queryBatch its index in the first dimension of query and output
   * @param firstQuery the token of query and output at which it begins
   * @param keyBatch its index in the first dimension of key and value; nothing where they are paged
   * @param firstKey the token of key and value at which it begins
   * @param position of its query 0 among its keys
   */
  public record Sample(
      long queryBatch,
      long firstQuery,
      int queries,
      long keyBatch,
      long firstKey,
      int keys,
      long position) {}

  private final SdpaOperation.Sizes sizes;
  private final @Nullable OperandView queryStarts;
  private final @Nullable OperandView keyStarts;
  private final @Nullable OperandView keyLengths;
  private final @Nullable OperandView pageTable;
  private final boolean bottomRight;
  private final long position;
  private final long totalQueries;
  private final long totalKeys;
  private final long pages;
  private final long pageSize;

  private SdpaSamples(
      SdpaOperation.Sizes sizes,
      @Nullable CallFrame call,
      boolean bottomRight,
      long position,
      long totalQueries,
      long totalKeys) {
    this.sizes = sizes;
    this.bottomRight = bottomRight;
    this.position = position;
    this.totalQueries = totalQueries;
    this.totalKeys = totalKeys;
    queryStarts = view(call, SdpaOperation.QUERY_STARTS);
    keyStarts = view(call, SdpaOperation.KEY_STARTS);
    keyLengths = view(call, SdpaOperation.KEY_LENGTHS);
    pageTable = view(call, SdpaOperation.PAGE_TABLE);
    pages = call == null ? 0 : call.required(SdpaOperation.KEY).size(0);
    pageSize = totalKeys;
  }

  private static @Nullable OperandView view(@Nullable CallFrame call, int slot) {
    return call == null ? null : OperandView.optional(call, slot);
  }

  /** Samples of one size. */
  static SdpaSamples alike(SdpaOperation.Sizes sizes, long position) {
    return new SdpaSamples(sizes, null, false, position, 0, 0);
  }

  /** Samples with sizes of their own; {@code keys} are the tokens of key, or of one page of it. */
  static SdpaSamples of(
      CallFrame call, SdpaOptions options, SdpaOperation.Sizes sizes, long queries, long keys) {
    long position = options.bottomRight() ? 0 : options.position(0, 0);
    return new SdpaSamples(sizes, call, options.bottomRight(), position, queries, keys);
  }

  /**
   * Checks what the tensors say.
   *
   * @throws IllegalArgumentException naming the index at fault, its value and what was allowed
   */
  public void check() {
    starts("query_starts", queryStarts, totalQueries, "query_len", sizes.queryLen());
    starts("key_starts", keyStarts, totalKeys, "kv_len", sizes.kvLen());
    for (long b = 0; keyLengths != null && b < sizes.batch(); b++) {
      long keys = keyLengths.getLong(b, 0);
      long most = pageTable != null && pages == 0 ? 0 : stored(b);
      if (keys < 0 || keys > most) {
        throw new IllegalArgumentException(
            "key_lengths(" + b + ") is " + keys + "; allowed: 0 to " + most);
      }
      for (long n = 0; pageTable != null && n * pageSize < keys; n++) {
        long page = pageTable.getLong(b, n);
        if (page < 0 || page >= pages) {
          throw new IllegalArgumentException(
              "page_table(" + b + ", " + n + ") is " + page + "; allowed: 0 to " + (pages - 1));
        }
      }
    }
  }

  private void starts(
      String name, @Nullable OperandView starts, long total, String mostName, long most) {
    long before = 0;
    for (long b = 0; starts != null && b <= sizes.batch(); b++) {
      long start = starts.getLong(b, 0);
      if (start < before || start > total) {
        throw new IllegalArgumentException(
            name + "(" + b + ") is " + start + "; allowed: " + before + " to " + total);
      }
      if (b > 0 && start - before > most) {
        throw new IllegalArgumentException(
            name
                + "("
                + b
                + ") is "
                + start
                + ", "
                + (start - before)
                + " behind the one before it; allowed: 0 to "
                + mostName
                + ", "
                + most);
      }
      before = start;
    }
  }

  /** The keys of a sample that memory has. */
  private long stored(long b) {
    return keyStarts == null
        ? sizes.kvLen()
        : keyStarts.getLong(b + 1, 0) - keyStarts.getLong(b, 0);
  }

  /** Sample {@code b} of a call that {@link #check} has passed. */
  public Sample at(long b) {
    long firstQuery = queryStarts == null ? 0 : queryStarts.getLong(b, 0);
    long queries =
        queryStarts == null ? sizes.queryLen() : queryStarts.getLong(b + 1, 0) - firstQuery;
    long firstKey = keyStarts == null ? 0 : keyStarts.getLong(b, 0);
    long keys = keyLengths == null ? stored(b) : keyLengths.getLong(b, 0);
    return new Sample(
        queryStarts == null ? b : 0,
        firstQuery,
        (int) queries,
        keyStarts == null ? b : 0,
        firstKey,
        (int) keys,
        bottomRight ? keys - queries : position);
  }

  /** The index in key's first dimension of key {@code j} of sample {@code b}. */
  public long keyBatch(long b, Sample sample, long j) {
    return pageTable == null ? sample.keyBatch() : pageTable.getLong(b, j / pageSize);
  }

  /** The row there. */
  public long keyRow(Sample sample, long j) {
    return pageTable == null ? sample.firstKey() + j : j % pageSize;
  }
}
