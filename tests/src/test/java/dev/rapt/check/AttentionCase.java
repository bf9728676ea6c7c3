// SPDX-License-Identifier: Apache-2.0
package dev.rapt.check;

import dev.rapt.Attention;
import dev.rapt.Causal;
import dev.rapt.DType;
import dev.rapt.WeightsStage;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * One case of the matrix. Its name says everything, data included, so that parsing the name replays
 * it: {@code b2 h8/2 q17 k129 d64/32 causal(bottom) window(5,2) mask(1,1,q,k) seed(7)}.
 *
 * <p>Dimensions: {@code b}atch, {@code h}eads/kv heads, {@code q}uery length, {@code k}ey length,
 * head {@code d}im/value dim. Options, each at most once:
 *
 * <ul>
 *   <li>{@code causal(top|bottom)}, {@code offset(n)}, {@code window(left,right)}
 *   <li>{@code scale(x)}, {@code softcap(x)}
 *   <li>{@code mask(dims)}, {@code bias(dims)}: right-aligned dimensions out of b, h, q, k and 1
 *   <li>{@code alibi(h|bh)}, {@code sinks(h|bh)}, {@code lse}, {@code weights(stage)}
 *   <li>{@code query(layout)}, {@code key(layout)}, {@code value(layout)}, {@code out(layout)}, or
 *       {@code packed}: query, key and value side by side in one buffer
 *   <li>{@code spread(x)}: factor of the queries, and so of the scores
 *   <li>{@code density(x)}: share of mask cells that attend
 *   <li>{@code poison(unseen|some)}: NaN in the keys and values that no query sees, or in every
 *       fifth one
 *   <li>{@code dtype(type)}, or one each for query, key, value, output and bias: {@code
 *       dtype(f16,bf16,f32,f16,f32)}; key and value may be i8
 *   <li>{@code groups(n,m)}: scales per row of an i8 key and value, which then have a dimension for
 *       them; without it there is one per row and none
 *   <li>{@code seed(n)}
 * </ul>
 */
public record AttentionCase(
    int batch,
    int heads,
    int kvHeads,
    int queryLen,
    int kvLen,
    int headDim,
    int valueDim,
    Map<String, String> options) {

  private static final List<String> KEYS =
      List.of(
          "causal", "offset", "window", "scale", "softcap", "mask", "bias", "alibi", "sinks", "lse",
          "weights", "query", "key", "value", "out", "packed", "spread", "density", "poison",
          "dtype", "groups", "seed");
  private static final Pattern NAME =
      Pattern.compile(
          "b(\\d+) h(\\d+)(?:/(\\d+))? q(\\d+) k(\\d+) d(\\d+)(?:/(\\d+))?((?: \\S+)*)");
  private static final Pattern OPTION = Pattern.compile("([a-z]+)(?:\\((\\S+)\\))?");

  public AttentionCase {
    if (!Set.copyOf(KEYS).containsAll(options.keySet())) {
      throw new IllegalArgumentException("unknown option in " + options.keySet());
    }
    options = new TreeMap<>(options);
  }

  /** The case of that name. */
  public static AttentionCase parse(String name) {
    Matcher m = NAME.matcher(name);
    if (!m.matches()) {
      throw new IllegalArgumentException("not a case: " + name);
    }
    Map<String, String> options = new TreeMap<>();
    for (String token : m.group(8).strip().split(" ")) {
      Matcher option = OPTION.matcher(token);
      if (!token.isEmpty()) {
        if (!option.matches()
            || options.put(option.group(1), option.group(2) == null ? "" : option.group(2))
                != null) {
          throw new IllegalArgumentException("bad option " + token + " in " + name);
        }
      }
    }
    int heads = Integer.parseInt(m.group(2));
    int headDim = Integer.parseInt(m.group(6));
    return new AttentionCase(
        Integer.parseInt(m.group(1)),
        heads,
        m.group(3) == null ? heads : Integer.parseInt(m.group(3)),
        Integer.parseInt(m.group(4)),
        Integer.parseInt(m.group(5)),
        headDim,
        m.group(7) == null ? headDim : Integer.parseInt(m.group(7)),
        options);
  }

  /** The name, in canonical order; parsing it gives an equal case. */
  @Override
  public String toString() {
    StringBuilder name = new StringBuilder();
    name.append("b").append(batch).append(" h").append(heads);
    name.append(kvHeads == heads ? "" : "/" + kvHeads);
    name.append(" q").append(queryLen).append(" k").append(kvLen).append(" d").append(headDim);
    name.append(valueDim == headDim ? "" : "/" + valueDim);
    for (String key : KEYS) {
      String value = options.get(key);
      if (value != null) {
        name.append(' ').append(key).append(value.isEmpty() ? "" : "(" + value + ")");
      }
    }
    return name.toString();
  }

  /** The same case with one more option. */
  public AttentionCase with(String key, String value) {
    Map<String, String> more = new TreeMap<>(options);
    more.put(key, value);
    return new AttentionCase(batch, heads, kvHeads, queryLen, kvLen, headDim, valueDim, more);
  }

  /** The library's description of this case. */
  public Attention attention() {
    Attention.Builder builder = Attention.builder().causal(causal());
    if (has("offset")) {
      builder.position(Long.parseLong(options.get("offset")));
    }
    if (has("window")) {
      builder.window(window(0), window(1));
    }
    if (has("scale")) {
      builder.scale(number("scale", 0));
    }
    if (has("softcap")) {
      builder.softcap(number("softcap", 0));
    }
    if (has("weights")) {
      builder.weightsStage(weightsStage());
    }
    return builder.build();
  }

  /** The values of this case: the same in every run. */
  public AttentionProblem problem() {
    return CaseData.of(this);
  }

  boolean has(String key) {
    return options.containsKey(key);
  }

  double number(String key, double otherwise) {
    return has(key) ? Float.parseFloat(options.get(key)) : otherwise;
  }

  Layout layout(String operand) {
    return has(operand)
        ? Layout.valueOf(options.get(operand).toUpperCase(Locale.ROOT))
        : Layout.BHSD;
  }

  /** The storage type of query, key, value, out or bias. */
  public DType dtype(String operand) {
    String[] types = options.getOrDefault("dtype", "f32").split(",");
    int own = List.of("query", "key", "value", "out", "bias").indexOf(operand);
    return DType.valueOf(types[types.length == 1 ? 0 : own].toUpperCase(Locale.ROOT));
  }

  /** The scales of each row of an i8 key or value. */
  int groups(String operand) {
    return has("groups")
        ? Integer.parseInt(options.get("groups").split(",")[operand.equals("key") ? 0 : 1])
        : 1;
  }

  Causal causal() {
    if (!has("causal")) {
      return Causal.NONE;
    }
    return switch (options.get("causal")) {
      case "top" -> Causal.TOP_LEFT;
      case "bottom" -> Causal.BOTTOM_RIGHT;
      default -> throw new IllegalArgumentException("causal(" + options.get("causal") + ")");
    };
  }

  /** Position of query 0, as the library's documentation defines it. */
  long offset() {
    if (has("offset")) {
      return Long.parseLong(options.get("offset"));
    }
    return causal() == Causal.BOTTOM_RIGHT ? kvLen - queryLen : 0;
  }

  long window(int side) {
    return has("window") ? Long.parseLong(options.get("window").split(",")[side]) : -1;
  }

  WeightsStage weightsStage() {
    return has("weights")
        ? WeightsStage.valueOf(options.get("weights").toUpperCase(Locale.ROOT))
        : null;
  }

  /** The shape of a mask or bias operand, or null where the case has none. */
  int[] broadcastShape(String operand) {
    if (!has(operand)) {
      return null;
    }
    String[] dims = options.get(operand).split(",");
    int[] shape = new int[dims.length];
    for (int i = 0; i < dims.length; i++) {
      shape[i] =
          switch (dims[i]) {
            case "b" -> batch;
            case "h" -> heads;
            case "q" -> queryLen;
            case "k" -> kvLen;
            case "1" -> 1;
            default -> throw new IllegalArgumentException(operand + " dimension " + dims[i]);
          };
    }
    return shape;
  }
}
