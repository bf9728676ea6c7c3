// SPDX-License-Identifier: Apache-2.0
package dev.rapt.peers.contest;

import dev.rapt.DType;
import dev.rapt.Tensor;
import java.lang.foreign.MemorySegment;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch;

/** Views of one memory as Rapt's and as libtorch's tensors. */
final class TorchTensors {
  private TorchTensors() {}

  /** A libtorch tensor on Rapt's contiguous one. */
  static org.bytedeco.pytorch.Tensor of(Tensor tensor) {
    torch.ScalarType type =
        switch (tensor.dtype()) {
          case F32 -> torch.ScalarType.Float;
          case F16 -> torch.ScalarType.Half;
          case BF16 -> torch.ScalarType.BFloat16;
          default -> throw new UnsupportedOperationException("not asked of libtorch: " + tensor);
        };
    return torch.from_blob(
        new Pointer(tensor.segment().asByteBuffer()), tensor.shape(), new TensorOptions(type));
  }

  /**
   * Rapt's view of a contiguous libtorch tensor, valid as long as that is.
   *
   * @param shape the tensor's sizes
   */
  @SuppressWarnings("restricted")
  static Tensor view(org.bytedeco.pytorch.Tensor tensor, DType dtype, long... shape) {
    long bytes = dtype.bytes();
    for (long size : shape) {
      bytes *= size;
    }
    MemorySegment memory = MemorySegment.ofAddress(tensor.data_ptr().address()).reinterpret(bytes);
    return Tensor.of(memory, dtype, shape);
  }
}
