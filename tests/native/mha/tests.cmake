# SPDX-License-Identifier: Apache-2.0
rapt_native_test(mha_test mha/mha_test.c mha/mha_case.c mha/mha_build.c)
