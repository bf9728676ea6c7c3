# SPDX-License-Identifier: Apache-2.0
rapt_native_test(merge_test merge/merge_test.c)
rapt_test_on_cuda(cuda_merge merge_test)
