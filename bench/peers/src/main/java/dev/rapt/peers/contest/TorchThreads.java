// SPDX-License-Identifier: Apache-2.0
package dev.rapt.peers.contest;

import org.bytedeco.javacpp.Loader;
import org.bytedeco.openblas.presets.openblas_nolapack;
import org.bytedeco.pytorch.global.torch;

/** How many threads work in libtorch and in the BLAS beneath it. */
final class TorchThreads {
  private static final String MKL_SYMBOL = "MKL_Set_Num_Threads";

  private TorchThreads() {}

  /**
   * Call before a contender runs.
   *
   * @param layer whether whole matrix products are to be shared out. Attention shares out heads and
   *     calls the BLAS from each thread: OpenBLAS, unlike MKL, does not notice, and would start
   *     threads of its own in each.
   * @throws IllegalStateException where another BLAS was loaded than this world is about
   */
  static void use(World world, int threads, boolean layer) {
    torch.set_num_threads(threads);
    boolean mkl = Loader.addressof(MKL_SYMBOL) != null;
    if (mkl != (world == World.LIBTORCH_MKL)) {
      throw new IllegalStateException("MKL is " + (mkl ? "loaded" : "not loaded"));
    }
    if (world == World.LIBTORCH_OPENBLAS) {
      openblas_nolapack.blas_set_num_threads(layer ? threads : 1);
    }
  }
}
