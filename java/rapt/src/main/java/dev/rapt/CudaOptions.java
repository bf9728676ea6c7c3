// SPDX-License-Identifier: Apache-2.0
package dev.rapt;

/**
 * How to open a GPU. Immutable.
 *
 * {@snippet :
 * CudaOptions options = CudaOptions.builder().ordinal(0).checkAgain(true).build();
 * try (CudaDevice device = Device.cuda(options)) {
 *   System.out.println(device.selfCheck());
 * }
 * }
 */
public final class CudaOptions {
  private final int ordinal;
  private final boolean currentContext;
  private final boolean checkAgain;

  private CudaOptions(Builder builder) {
    ordinal = builder.ordinal;
    currentContext = builder.currentContext;
    checkAgain = builder.checkAgain;
  }

  /**
   * A builder whose defaults are the first GPU, its primary context and what an earlier check
   * found.
   */
  public static Builder builder() {
    return new Builder();
  }

  /** Which of the machine's GPUs, from 0. */
  public int ordinal() {
    return ordinal;
  }

  /** Whether the device works in the CUDA context that is current on the thread that opens it. */
  public boolean currentContext() {
    return currentContext;
  }

  /** Whether the kernels are checked even where an earlier run has done so. */
  public boolean checkAgain() {
    return checkAgain;
  }

  /** Collects options. Not thread-safe. */
  public static final class Builder {
    private int ordinal;
    private boolean currentContext;
    private boolean checkAgain;

    private Builder() {}

    /**
     * Which of the machine's GPUs, from 0, the default.
     *
     * @throws IllegalArgumentException where it is negative
     */
    public Builder ordinal(int ordinal) {
      if (ordinal < 0) {
        throw new IllegalArgumentException("ordinal is " + ordinal + "; allowed: 0 or more");
      }
      this.ordinal = ordinal;
      return this;
    }

    /**
     * Whether the device works in the CUDA context (CUcontext) that is current on the thread that
     * opens it, as cuCtxCreate makes them, and not in the GPU's primary one, the default. It must
     * be of that GPU, and its owner keeps it until the device is closed.
     */
    public Builder currentContext(boolean currentContext) {
      this.currentContext = currentContext;
      return this;
    }

    /**
     * Whether the kernels are checked even where an earlier run has done so for this GPU, driver
     * and build. Not by default.
     */
    public Builder checkAgain(boolean checkAgain) {
      this.checkAgain = checkAgain;
      return this;
    }

    /** The options collected so far. */
    public CudaOptions build() {
      return new CudaOptions(this);
    }
  }
}
