// SPDX-License-Identifier: Apache-2.0
package dev.rapt.mha;

import dev.rapt.DType;
import dev.rapt.check.AttentionCase;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * One case of multi-head attention; its name replays it: {@code b2 h4/2 q17 k30 d8/12 causal(top) |
 * embed(20) kdim(11) padding biaskv}.
 *
 * <p>Left of the bar stands the attention between the projections, right of it:
 *
 * <ul>
 *   <li>{@code embed(n)}, {@code kdim(n)}, {@code vdim(n)}, {@code out(n)}: widths of query, key,
 *       value and output; as wide as the heads, the query, the query and the query unless given
 *   <li>{@code noout}: no output projection; {@code nobias}: projections without bias
 *   <li>{@code packed}: one (3E, E) input projection
 *   <li>{@code padding}: a key padding mask; {@code biaskv(type)}: an extra learned key and value
 *       of that storage type, f32 unless given; {@code zero}: an extra key and value of zeros
 *   <li>{@code average}: weights averaged over the heads
 *   <li>{@code unbatched}: tensors without batch dimension; {@code padded}: rows with a gap behind
 *       each
 *   <li>{@code stored(type)}: the storage type of the projections, f32 unless given; that of the
 *       tensors is the core's {@code dtype}
 * </ul>
 */
public record MhaCase(AttentionCase core, Map<String, String> options) {
  private static final List<String> KEYS =
      List.of(
          "embed",
          "kdim",
          "vdim",
          "out",
          "noout",
          "nobias",
          "packed",
          "padding",
          "biaskv",
          "zero",
          "average",
          "unbatched",
          "padded",
          "stored");
  private static final Pattern OPTION = Pattern.compile("([a-z]+)(?:\\((\\w+)\\))?");

  public MhaCase {
    options = new TreeMap<>(options);
  }

  public static MhaCase parse(String name) {
    String[] halves = name.split(" \\|");
    Map<String, String> options = new TreeMap<>();
    if (halves.length > 1 && !halves[1].isBlank()) {
      for (String token : halves[1].strip().split(" ")) {
        Matcher option = OPTION.matcher(token);
        if (!option.matches() || !KEYS.contains(option.group(1))) {
          throw new IllegalArgumentException("bad option " + token + " in " + name);
        }
        options.put(option.group(1), option.group(2) == null ? "" : option.group(2));
      }
    }
    return new MhaCase(AttentionCase.parse(halves[0].strip()), options);
  }

  @Override
  public String toString() {
    StringBuilder name = new StringBuilder(core + " |");
    for (String key : KEYS) {
      String value = options.get(key);
      if (value != null) {
        name.append(' ').append(key).append(value.isEmpty() ? "" : "(" + value + ")");
      }
    }
    return name.toString();
  }

  public boolean has(String key) {
    return options.containsKey(key);
  }

  public int embed() {
    return width("embed", core.heads() * core.headDim());
  }

  public int keyWidth() {
    return width("kdim", embed());
  }

  public int valueWidth() {
    return width("vdim", embed());
  }

  /** Width of the output: of the heads side by side where nothing projects them. */
  public int outputWidth() {
    return has("noout") ? core.heads() * core.valueDim() : width("out", embed());
  }

  /** The storage type of weights and biases of the projections. */
  public DType stored() {
    return DType.valueOf(options.getOrDefault("stored", "f32").toUpperCase(Locale.ROOT));
  }

  /** The storage type of the extra learned key and value. */
  public DType extra() {
    String type = options.getOrDefault("biaskv", "");
    return type.isEmpty() ? DType.F32 : DType.valueOf(type.toUpperCase(Locale.ROOT));
  }

  /** Keys appended after the projected ones. */
  public int appended() {
    return (has("biaskv") ? 1 : 0) + (has("zero") ? 1 : 0);
  }

  private int width(String key, int otherwise) {
    return has(key) ? Integer.parseInt(options.get(key)) : otherwise;
  }
}
