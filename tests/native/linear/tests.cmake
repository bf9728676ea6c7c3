# SPDX-License-Identifier: Apache-2.0
rapt_native_test(linear_test linear/linear_test.c)
rapt_native_test(blocks_test linear/blocks_test.c)
rapt_native_test(halves_test linear/halves_test.c)
rapt_inside_test(integers_test linear/integers_test.c)
rapt_inside_test(pack_test linear/pack_test.c)
