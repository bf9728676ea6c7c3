// SPDX-License-Identifier: Apache-2.0
package dev.rapt.cuda;

import dev.rapt.Attention;
import dev.rapt.Causal;
import dev.rapt.DType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * An attention problem that is timed: a row of the bundle's {@code shapes.tsv}, whose head names
 * the columns.
 *
 * @param softcap 0 = off
 * @param types storage types, as in {@code bf16} or, for queries and their keys, {@code bf16/i8}
 */
record TimedShape(
    String name, Dimensions dimensions, Visibility visibility, double softcap, List<String> types) {

  /** B, Hq, Hkv, Sq, Skv and D. */
  record Dimensions(
      long batch, long heads, long kvHeads, long queryLen, long kvLen, long headDim) {}

  /**
   * Which keys a query sees.
   *
   * @param causal whether the last query stands at the last key and none sees further
   * @param window keys to the left of a query's position that it sees, -1 = all
   * @param masked whether a mask (Sq, Skv) hides half of the keys from each query
   */
  record Visibility(boolean causal, long window, boolean masked) {}

  static List<TimedShape> read(Path file) throws IOException {
    List<TimedShape> shapes = new ArrayList<>();
    List<String> head = List.of();
    for (String line : Files.readAllLines(file)) {
      String[] cells = line.strip().split("\t");
      if (line.startsWith("#") || line.isBlank()) {
        continue;
      }
      if (head.isEmpty()) {
        head = List.of(cells);
      } else if (cells.length == head.size()) {
        Map<String, String> row = new HashMap<>();
        for (int i = 0; i < cells.length; i++) {
          row.put(head.get(i), cells[i]);
        }
        shapes.add(of(row));
      } else {
        throw new IOException(
            file + ": " + cells.length + " cells, the head has " + head.size() + ": " + line);
      }
    }
    return shapes;
  }

  private static TimedShape of(Map<String, String> row) {
    return new TimedShape(
        row.get("name"),
        new Dimensions(
            Long.parseLong(row.get("batch")),
            Long.parseLong(row.get("heads")),
            Long.parseLong(row.get("kv_heads")),
            Long.parseLong(row.get("query_len")),
            Long.parseLong(row.get("kv_len")),
            Long.parseLong(row.get("head_dim"))),
        new Visibility(
            row.get("causal").equals("1"),
            row.get("window").equals("-") ? -1 : Long.parseLong(row.get("window")),
            row.get("mask").equals("half")),
        row.get("softcap").equals("-") ? 0 : Double.parseDouble(row.get("softcap")),
        Arrays.asList(row.get("dtypes").split(",")));
  }

  static DType queryType(String type) {
    return DType.valueOf(type.split("/")[0].toUpperCase(Locale.ROOT));
  }

  static DType keyType(String type) {
    String[] both = type.split("/");
    return DType.valueOf(both[both.length - 1].toUpperCase(Locale.ROOT));
  }

  long batch() {
    return dimensions.batch;
  }

  long heads() {
    return dimensions.heads;
  }

  long kvHeads() {
    return dimensions.kvHeads;
  }

  long queryLen() {
    return dimensions.queryLen;
  }

  long kvLen() {
    return dimensions.kvLen;
  }

  long headDim() {
    return dimensions.headDim;
  }

  boolean causal() {
    return visibility.causal;
  }

  long window() {
    return visibility.window;
  }

  boolean masked() {
    return visibility.masked;
  }

  Attention attention() {
    Attention.Builder builder =
        Attention.builder().causal(causal() ? Causal.BOTTOM_RIGHT : Causal.NONE).softcap(softcap);
    // Without causality query 0 stands at key 0.
    return window() < 0 ? builder.build() : builder.window(window(), -1).build();
  }

  long[] queryShape() {
    return new long[] {batch(), heads(), queryLen(), headDim()};
  }

  long[] keyShape() {
    return new long[] {batch(), kvHeads(), kvLen(), headDim()};
  }

  /** The first key that query i sees, were there no mask. */
  long firstKey(long i) {
    return window() < 0 ? 0 : Math.max(0, position(i) - window());
  }

  /** One past the last key that query i sees. */
  long endKey(long i) {
    return causal() ? Math.min(kvLen(), position(i) + 1) : kvLen();
  }

  private long position(long i) {
    return causal() ? i + kvLen() - queryLen() : i;
  }

  /** A decode step: its time is that of reading keys and values. */
  boolean isDecode() {
    return queryLen() <= 16;
  }

  /**
   * Of what is visible; half of a causal square, as is the custom, and all of what a mask hides.
   */
  double flops() {
    double pairs = 0;
    if (causal() && queryLen() == kvLen() && window() < 0) {
      pairs = (double) queryLen() * kvLen() / 2;
    } else {
      for (long i = 0; i < queryLen(); i++) {
        pairs += Math.max(0, endKey(i) - firstKey(i));
      }
    }
    return 4.0 * batch() * heads() * headDim() * pairs;
  }

  /** Keys and values, scales included. */
  long keyAndValueBytes(String type) {
    long row = headDim() * keyType(type).bytes() + (keyType(type) == DType.I8 ? Float.BYTES : 0);
    return 2 * batch() * kvHeads() * kvLen() * row;
  }

  /** All of the tensors of a call but the mask. */
  long bytes(String type) {
    return keyAndValueBytes(type)
        + 2 * batch() * heads() * queryLen() * headDim() * queryType(type).bytes();
  }
}
