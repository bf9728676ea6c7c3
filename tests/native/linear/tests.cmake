# SPDX-License-Identifier: Apache-2.0
rapt_native_test(linear_test linear/linear_test.c)
