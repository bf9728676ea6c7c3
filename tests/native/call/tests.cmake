# SPDX-License-Identifier: Apache-2.0
rapt_inside_test(operands_test call/operands_test.c call/draw.c call/abi_fixture.c)
rapt_inside_test(abi_fuzz_test call/fuzz_test.c call/draw.c call/abi_fixture.c)
rapt_inside_test(tables_test call/tables_test.c call/draw.c call/abi_fixture.c)
rapt_native_test(functions_test call/functions_test.c)
rapt_native_test(environment_test call/environment_test.c)
rapt_native_test(layout_test call/layout_test.c)
rapt_native_test(abi_context_test call/context_test.c)
rapt_native_test(abi_projection_test call/projection_test.c call/abi_fixture.c)
