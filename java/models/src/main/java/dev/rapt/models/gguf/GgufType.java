// SPDX-License-Identifier: Apache-2.0
package dev.rapt.models.gguf;

/**
 * How a GGUF file stores the elements of a tensor, by the names and numbers of ggml: single
 * numbers, or blocks of neighbours of a row that share a scale.
 */
public enum GgufType {
  /** IEEE binary32. */
  F32(0, 1, 4),
  /** IEEE binary16. */
  F16(1, 1, 2),
  /** Blocks of 32 numbers of 4 bits with a scale. */
  Q4_0(2, 32, 18),
  /** Blocks of 32 numbers of 4 bits with a scale and a minimum. */
  Q4_1(3, 32, 20),
  /** Blocks of 32 numbers of 5 bits with a scale. */
  Q5_0(6, 32, 22),
  /** Blocks of 32 numbers of 5 bits with a scale and a minimum. */
  Q5_1(7, 32, 24),
  /** Blocks of 32 signed bytes with a scale. */
  Q8_0(8, 32, 34),
  /** Blocks of 32 signed bytes with a scale and a sum. */
  Q8_1(9, 32, 36),
  /** Blocks of 256 numbers of 2 bits with scales and minima. */
  Q2_K(10, 256, 84),
  /** Blocks of 256 numbers of 3 bits with scales. */
  Q3_K(11, 256, 110),
  /** Blocks of 256 numbers of 4 bits with scales and minima. */
  Q4_K(12, 256, 144),
  /** Blocks of 256 numbers of 5 bits with scales and minima. */
  Q5_K(13, 256, 176),
  /** Blocks of 256 numbers of 6 bits with scales. */
  Q6_K(14, 256, 210),
  /** Blocks of 256 signed bytes with a scale and sums. */
  Q8_K(15, 256, 292),
  /** Codebook, 2.06 bits a number. */
  IQ2_XXS(16, 256, 66),
  /** Codebook, 2.31 bits a number. */
  IQ2_XS(17, 256, 74),
  /** Codebook, 3.06 bits a number. */
  IQ3_XXS(18, 256, 98),
  /** Codebook, 1.56 bits a number. */
  IQ1_S(19, 256, 50),
  /** Codebook of 16 values, with a scale for 32 numbers. */
  IQ4_NL(20, 32, 18),
  /** Codebook, 3.44 bits a number. */
  IQ3_S(21, 256, 110),
  /** Codebook, 2.56 bits a number. */
  IQ2_S(22, 256, 82),
  /** Codebook of 16 values, with scales for 256 numbers. */
  IQ4_XS(23, 256, 136),
  /** Signed byte. */
  I8(24, 1, 1),
  /** Signed 16 bits. */
  I16(25, 1, 2),
  /** Signed 32 bits. */
  I32(26, 1, 4),
  /** Signed 64 bits. */
  I64(27, 1, 8),
  /** IEEE binary64. */
  F64(28, 1, 8),
  /** Codebook, 1.75 bits a number. */
  IQ1_M(29, 256, 56),
  /** bfloat16, the upper half of an F32. */
  BF16(30, 1, 2),
  /** Numbers of three values, 1.69 bits each. */
  TQ1_0(34, 256, 54),
  /** Numbers of three values, 2.06 bits each. */
  TQ2_0(35, 256, 66),
  /** Blocks of 32 floats of 4 bits with a power of two. */
  MXFP4(39, 32, 17);

  private final int id;
  private final int block;
  private final int blockBytes;

  GgufType(int id, int block, int blockBytes) {
    this.id = id;
    this.block = block;
    this.blockBytes = blockBytes;
  }

  /** The type of this number. */
  static GgufType of(int id, String tensor) throws GgufException {
    for (GgufType type : values()) {
      if (type.id == id) {
        return type;
      }
    }
    throw new GgufException(
        tensor
            + " is of type "
            + Integer.toUnsignedString(id)
            + "; allowed: the numbers of ggml's types, such as 0 (F32), 1 (F16) and 8 (Q8_0)");
  }

  /** The number that stands for it in a file. */
  public int id() {
    return id;
  }

  /** Neighbours of a row that are stored together: 1 for plain numbers. */
  public int block() {
    return block;
  }

  /** Bytes of a block. */
  public int blockBytes() {
    return blockBytes;
  }
}
