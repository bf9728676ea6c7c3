# SPDX-License-Identifier: Apache-2.0
rapt_native_test(rope_test rope/rope_test.c)
rapt_native_test(abi_rope_test rope/abi_test.c call/abi_fixture.c)
