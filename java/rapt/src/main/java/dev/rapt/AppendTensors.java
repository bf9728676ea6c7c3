// SPDX-License-Identifier: Apache-2.0
package dev.rapt;

import dev.rapt.internal.ops.AppendOperation;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The tensors of one {@link Append} call, all in the memory of the device that runs it. Each has
 * its own element type. Those of new tokens may lack B, all of them. Immutable; it may be used for
 * any number of calls.
 *
 * {@snippet :
 * AppendTensors tensors =
 *     AppendTensors.builder(key, value, slots, keyCache, valueCache).tables(tables).build();
 * Append.builder().build().run(device, tensors);
 * }
 */
public final class AppendTensors {
  private final @Nullable Tensor[] slots;

  private AppendTensors(@Nullable Tensor[] slots) {
    this.slots = slots;
  }

  /**
   * A builder with the tensors that every call needs.
   *
   * @param key (B, Hkv, S, D), F32, F16 or BF16
   * @param value (B, Hkv, S, Dv), F32, F16 or BF16
   * @param slots (B, S), I32 or I64: the slot of each token, 0 to P * N - 1, or -1 for a token that
   *     is left out; no two tokens have the same
   * @param keyCache (P, Hkv, N, D), F32, F16, BF16, or I8 with a key scale, written
   * @param valueCache (P, Hkv, N, Dv), F32, F16, BF16, or I8 with a value scale, written
   */
  public static Builder builder(
      Tensor key, Tensor value, Tensor slots, Tensor keyCache, Tensor valueCache) {
    return new Builder(key, value, slots, keyCache, valueCache);
  }

  /** The tensors by slot. Not to be changed. */
  @Nullable Tensor[] slots() {
    return slots;
  }

  /** Collects the optional tensors of a call; null, the default, is none. Not thread-safe. */
  public static final class Builder {
    private final @Nullable Tensor[] slots = new Tensor[AppendOperation.COUNT];

    private Builder(Tensor key, Tensor value, Tensor slots, Tensor keyCache, Tensor valueCache) {
      this.slots[AppendOperation.KEY] = Objects.requireNonNull(key, "key");
      this.slots[AppendOperation.VALUE] = Objects.requireNonNull(value, "value");
      this.slots[AppendOperation.SLOTS] = Objects.requireNonNull(slots, "slots");
      this.slots[AppendOperation.KEY_CACHE] = Objects.requireNonNull(keyCache, "keyCache");
      this.slots[AppendOperation.VALUE_CACHE] = Objects.requireNonNull(valueCache, "valueCache");
    }

    /**
     * (P, Hkv, N) or (P, Hkv, N, G), F32, written, with an I8 key cache and only then: element d of
     * a row stands for keyCache[d] * keyScale[d / (D / G)], as {@link Quantization} defines it.
     */
    public Builder keyScale(@Nullable Tensor keyScale) {
      slots[AppendOperation.KEY_SCALE] = keyScale;
      return this;
    }

    /** (P, Hkv, N) or (P, Hkv, N, G), F32, written, with an I8 value cache and only then. */
    public Builder valueScale(@Nullable Tensor valueScale) {
      slots[AppendOperation.VALUE_SCALE] = valueScale;
      return this;
    }

    /**
     * Cosines and sines by which keys and queries turn: with positions (T, R / 2), without (B, S, R
     * / 2) or (S, R / 2).
     */
    public Builder tables(RotaryEmbedding.@Nullable Tables tables) {
      slots[AppendOperation.COSINE] = tables == null ? null : tables.cosine();
      slots[AppendOperation.SINE] = tables == null ? null : tables.sine();
      return this;
    }

    /** (B, S) or (S), I32 or I64, with tables: the row of the tables for each token. */
    public Builder positions(@Nullable Tensor positions) {
      slots[AppendOperation.POSITIONS] = positions;
      return this;
    }

    /**
     * (B, Hq, S, D), F32, F16 or BF16: turned in place, of tokens that are left out too; without
     * tables it stays as it is.
     */
    public Builder query(@Nullable Tensor query) {
      slots[AppendOperation.QUERY] = query;
      return this;
    }

    /** The tensors collected so far. */
    public AppendTensors build() {
      return new AppendTensors(slots.clone());
    }
  }
}
