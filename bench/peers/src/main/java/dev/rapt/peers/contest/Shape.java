// SPDX-License-Identifier: Apache-2.0
package dev.rapt.peers.contest;

import com.fasterxml.jackson.annotation.JsonIgnore;
import com.fasterxml.jackson.annotation.JsonUnwrapped;
import java.util.stream.IntStream;

/**
 * One problem: query (B, Hq, Sq, D), key and value (B, Hkv, Skv, D). In JSON its groups are flat.
 *
 * @param name how options, files and tables call it
 * @param projected whether the four projections of a layer belong to it: (B, S, Hq * D) in and out,
 *     Sq = Skv and Hq = Hkv
 */
public record Shape(
    String name,
    @JsonUnwrapped Dimensions dimensions,
    @JsonUnwrapped Visibility visibility,
    boolean projected) {

  /** B, Hq, Hkv, Sq, Skv and D. */
  public record Dimensions(
      int batch, int heads, int kvHeads, int queryLen, int kvLen, int headDim) {}

  /**
   * Which keys a query sees.
   *
   * @param causal whether none behind its own position; the last query sees the last key
   * @param window how many at most, its own included; 0 = no limit
   */
  public record Visibility(boolean causal, int window) {
    static final Visibility ALL = new Visibility(false, 0);
  }

  /** Up to this many queries a call is bound by reading keys and values. */
  private static final int MAX_DECODE_QUERIES = 16;

  /** Checks the sizes. */
  public Shape {
    int smallest =
        IntStream.of(
                dimensions.batch,
                dimensions.kvHeads,
                dimensions.queryLen,
                dimensions.kvLen,
                dimensions.headDim)
            .min()
            .getAsInt();
    if (smallest < 1 || dimensions.heads % dimensions.kvHeads != 0 || visibility.window < 0) {
      throw new IllegalArgumentException(
          "shape " + name + " needs sizes of 1 or more and heads a multiple of kv heads");
    }
    if (projected
        && (dimensions.queryLen != dimensions.kvLen || dimensions.heads != dimensions.kvHeads)) {
      throw new IllegalArgumentException("layer " + name + " needs Sq = Skv and Hq = Hkv");
    }
  }

  /** Attention in which every query sees every key. */
  static Shape attention(
      String name, int batch, int heads, int kvHeads, int queryLen, int kvLen, int headDim) {
    Dimensions dimensions = new Dimensions(batch, heads, kvHeads, queryLen, kvLen, headDim);
    return new Shape(name, dimensions, Visibility.ALL, false);
  }

  /** The same with causal queries, which see {@code window} keys at most; 0 = no limit. */
  Shape withCausal(int window) {
    return new Shape(name, dimensions, new Visibility(true, window), projected);
  }

  /** The same with the projections of a layer. */
  Shape withProjections() {
    return new Shape(name, dimensions, visibility, true);
  }

  /** B. */
  public int batch() {
    return dimensions.batch;
  }

  /** Hq. */
  public int heads() {
    return dimensions.heads;
  }

  /** Hkv. */
  public int kvHeads() {
    return dimensions.kvHeads;
  }

  /** Sq. */
  public int queryLen() {
    return dimensions.queryLen;
  }

  /** Skv. */
  public int kvLen() {
    return dimensions.kvLen;
  }

  /** D. */
  public int headDim() {
    return dimensions.headDim;
  }

  /** Whether a query sees no key behind its own position. */
  public boolean causal() {
    return visibility.causal;
  }

  /** How many keys a query sees at most; 0 = no limit. */
  public int window() {
    return visibility.window;
  }

  /** Hq * D, the width of a layer. */
  public int width() {
    return heads() * headDim();
  }

  /** Where query 0 stands among the keys. */
  int offset() {
    return kvLen() - queryLen();
  }

  /**
   * Whether a call is bound by reading K and V, which then must come from memory and not from a
   * cache.
   */
  @JsonIgnore
  public boolean decodes() {
    return queryLen() <= MAX_DECODE_QUERIES && kvLen() > MAX_DECODE_QUERIES && !projected;
  }

  long[] queryShape() {
    return new long[] {batch(), heads(), queryLen(), headDim()};
  }

  long[] keyShape() {
    return new long[] {batch(), kvHeads(), kvLen(), headDim()};
  }

  /** Floating-point operations of visible pairs (4 D each) and of projections (8 B S E²). */
  public double flops() {
    double attention = 4.0 * batch() * heads() * visiblePairs() * headDim();
    return attention + (projected ? 8.0 * batch() * queryLen() * width() * width() : 0);
  }

  /**
   * Bytes that a call reads and writes at least, with {@code size} bytes per element: keys that no
   * query sees are not read.
   */
  public double bytes(int size) {
    if (projected) {
      return size * (2.0 * batch() * queryLen() * width() + 4.0 * width() * width());
    }
    double rows = 2.0 * batch() * heads() * queryLen();
    return size * headDim() * (rows + 2.0 * batch() * kvHeads() * visibleKeys());
  }

  /** Keys that some query sees. */
  private double visibleKeys() {
    if (!causal()) {
      return kvLen();
    }
    int first = window() == 0 ? 0 : Math.max(0, offset() + 1 - window());
    return Math.max(0, kvLen() - first);
  }

  private double visiblePairs() {
    if (!causal()) {
      return (double) queryLen() * kvLen();
    }
    double pairs = 0;
    for (int i = 0; i < queryLen(); i++) {
      int seen = Math.clamp(i + offset() + 1L, 0, kvLen());
      pairs += window() == 0 ? seen : Math.min(seen, window());
    }
    return pairs;
  }

  /** For example {@code 1, 32/8, 1024, 1024, 128 causal}: B, Hq/Hkv, Sq, Skv, D. */
  public String sizes() {
    String text =
        batch()
            + ", "
            + heads()
            + "/"
            + kvHeads()
            + ", "
            + queryLen()
            + ", "
            + kvLen()
            + ", "
            + headDim();
    text += causal() ? " causal" : "";
    text += window() > 0 ? " window " + window() : "";
    return text + (projected ? " with projections" : "");
  }
}
