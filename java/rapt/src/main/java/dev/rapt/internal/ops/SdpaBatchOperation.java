// SPDX-License-Identifier: Apache-2.0
package dev.rapt.internal.ops;

import static dev.rapt.internal.call.OperandTable.MAX_FEATURES;
import static dev.rapt.internal.call.OperandTable.MAX_SIZE;

import dev.rapt.Tensor;
import dev.rapt.internal.call.CallFrame;
import dev.rapt.internal.call.Operand;
import dev.rapt.internal.call.OperandTable;
import dev.rapt.internal.ffi.rapt_h;
import dev.rapt.internal.ffi.rapt_sdpa;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * Attention over samples with sizes of their own: with key lengths, ragged or paged. Query and key
 * need not have the dimensions of the batch.
 */
public final class SdpaBatchOperation extends SdpaOperation {
  private static final OperandTable TABLE =
      lines(
              OperandTable.of("sdpa", rapt_h::RAPT_SDPA, rapt_sdpa::layout)
                  .size("B", "batch", rapt_sdpa::batch$offset, 0, MAX_SIZE)
                  .size("Hq", "query heads", rapt_sdpa::query_heads$offset, 1, MAX_FEATURES)
                  .size("Hkv", "key and value heads", rapt_sdpa::kv_heads$offset, 1, MAX_FEATURES),
              "Bq Hq Nq",
              "Bkv Hkv Nkv")
          .size("Bq", "samples")
          .size("Nq", "queries")
          .size("Bkv", "samples or pages")
          .size("Nkv", "keys")
          .size("B+1", "batch + 1")
          .size("P", "pages of a sample")
          .operand(indices(KEY_LENGTHS, "keyLengths", "B").at(rapt_sdpa::key_lengths$offset))
          .operand(indices(QUERY_STARTS, "queryStarts", "B+1").at(rapt_sdpa::query_starts$offset))
          .operand(indices(KEY_STARTS, "keyStarts", "B+1").at(rapt_sdpa::key_starts$offset))
          .operand(indices(PAGE_TABLE, "pageTable", "B P").at(rapt_sdpa::page_table$offset))
          .build();

  private static final int BQ = TABLE.index("Bq");
  private static final int NQ = TABLE.index("Nq");
  private static final int BKV = TABLE.index("Bkv");
  private static final int NKV = TABLE.index("Nkv");
  private static final int STARTS = TABLE.index("B+1");
  private static final int P = TABLE.index("P");

  /** Attention with these options. */
  public SdpaBatchOperation(SdpaOptions options) {
    super(options);
  }

  private static Operand indices(int slot, String name, String shape) {
    return Operand.read(slot, name, shape, Operand.INDICES).optional();
  }

  /** Tells a call the most queries and keys of a sample, where starts or pages are given. */
  public static void longest(CallFrame call, long queries, long keys) {
    call.size(SQ, queries);
    call.size(SKV, keys);
  }

  @Override
  public OperandTable table() {
    return TABLE;
  }

  @Override
  public void rules(CallFrame call) {
    Tensor queryStarts = call.tensor(QUERY_STARTS);
    Tensor keyStarts = call.tensor(KEY_STARTS);
    Tensor pageTable = call.tensor(PAGE_TABLE);
    batch(call, queryStarts);
    if (keyStarts != null) {
      if (pageTable != null) {
        throw new IllegalArgumentException(
            "pageTable is " + pageTable + " and keyStarts is " + keyStarts + "; allowed: one");
      }
      one(call, KEY, BKV, "keyStarts");
      most("key", call.size(SKV), call.size(NKV));
    } else if (pageTable != null) {
      pages(call, pageTable);
    } else {
      if (call.size(BKV) != call.size(B)) {
        throw wrongBatch(call, KEY, call.size(B) + ", the batch");
      }
      call.size(SKV, call.size(NKV));
    }
    super.rules(call);
  }

  /** Finds the batch, from the starts or from the query, and the query length. */
  private static void batch(CallFrame call, @Nullable Tensor starts) {
    if (starts == null) {
      call.size(B, call.size(BQ));
      call.size(SQ, call.size(NQ));
    } else {
      if (starts.rank() != 1 || starts.size(0) < 1) {
        throw new IllegalArgumentException(
            "queryStarts is " + starts + "; allowed: rank 1, the batch and one element more");
      }
      call.size(B, starts.size(0) - 1);
      one(call, QUERY, BQ, "queryStarts");
      most("query", call.size(SQ), call.size(NQ));
    }
    call.size(STARTS, call.size(B) + 1);
  }

  private static void pages(CallFrame call, Tensor table) {
    if (call.tensor(KEY_LENGTHS) == null) {
      throw new IllegalArgumentException(
          "keyLengths is missing; allowed: a tensor, because pageTable is " + table);
    }
    if (call.size(NKV) < 1) {
      throw new IllegalArgumentException(
          "key is " + call.tensor(KEY) + ", of pages of 0 keys; allowed: 1 or more");
    }
    long most = table.rank() == 2 ? table.size(1) : 0;
    most("key", call.size(SKV), most == 0 ? 0 : most * call.size(NKV));
  }

  /** That ragged tensors are one sequence of tokens. */
  private static void one(CallFrame call, int slot, int size, String because) {
    if (call.size(size) != 1) {
      throw wrongBatch(call, slot, "1, because " + because + " divides its tokens");
    }
  }

  private static IllegalArgumentException wrongBatch(CallFrame call, int slot, String allowed) {
    String name = slot == KEY ? "key" : "query";
    return new IllegalArgumentException(
        name + " is " + call.tensor(slot) + ", whose dimension 0 is wrong; allowed: " + allowed);
  }

  private static void most(String what, long longest, long tokens) {
    if (longest < 0 || longest > tokens) {
      throw new IllegalArgumentException(
          "the longest " + what + " is " + longest + "; allowed: 0 to " + tokens);
    }
  }

  @Override
  public SdpaSamples samples(CallFrame call) {
    return SdpaSamples.of(call, options(), sizes(call), call.size(NQ), call.size(NKV));
  }

  @Override
  public void write(CallFrame call, MemorySegment struct) {
    boolean bottomRight = options().bottomRight();
    boolean placed = call.tensor(POSITIONS) == null && !bottomRight;
    SdpaOptionsStruct.write(
        struct,
        Fields.OPTIONS,
        options(),
        placed ? options().position(0, 0) : 0,
        bottomRight ? rapt_h.RAPT_BOTTOM_RIGHT() : 0);
    boolean paged = call.tensor(PAGE_TABLE) != null;
    writeTotals(
        struct,
        call.tensor(QUERY_STARTS) != null ? call.size(NQ) : 0,
        call.tensor(KEY_STARTS) != null ? call.size(NKV) : 0,
        paged ? call.size(BKV) : 0,
        paged ? call.size(NKV) : 0,
        paged ? call.size(P) : 0);
  }
}
