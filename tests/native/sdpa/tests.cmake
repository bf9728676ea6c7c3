# SPDX-License-Identifier: Apache-2.0
rapt_test_program(sdpa_test sdpa/sdpa_test.c sdpa/sdpa_case.c sdpa/sdpa_build.c sdpa/sdpa_narrow.c sdpa/sdpa_run.c
                  sdpa/sdpa_suites.c)
# One ctest entry per suite, so that ctest -j runs them side by side and a failure names its family.
foreach(suite sizes options random layouts guards decode masks poison corners extremes quantised positions weights bf16)
  add_test(NAME sdpa_${suite} COMMAND sdpa_test ${suite})
endforeach()

rapt_native_test(bound_test sdpa/bound_test.c)
rapt_test_on_cuda(cuda_bound bound_test)
rapt_native_test(storage_test sdpa/storage_test.c)
rapt_native_test(memory_test sdpa/memory_test.c)
rapt_native_test(long_test sdpa/long_test.c)
rapt_native_test(abi_sdpa_test sdpa/abi_test.c call/abi_fixture.c)
rapt_native_test(abi_quantised_test sdpa/abi_quantised_test.c call/abi_fixture.c)
rapt_inside_test(exp2_test sdpa/exp2_test.c)
rapt_inside_test(positions_test sdpa/positions_test.c sdpa/sdpa_case.c sdpa/sdpa_build.c sdpa/sdpa_narrow.c
                 mha/mha_case.c mha/mha_build.c)
rapt_native_test(samples_test sdpa/samples_test.c sdpa/samples_case.c)
rapt_native_test(samples_abi_test sdpa/samples_abi_test.c)
