# SPDX-License-Identifier: Apache-2.0
rapt_test_program(corpus corpus/corpus.c corpus/array.c corpus/calls.c corpus/gelu.c corpus/hashes.c corpus/linear.c corpus/mha.c
                  corpus/norm.c corpus/rope.c corpus/scores.c corpus/sdpa.c corpus/sdpa_fill.c corpus/send.c)
add_test(NAME corpus COMMAND corpus --check ${CMAKE_CURRENT_SOURCE_DIR}/corpus/hashes.txt)
# A tenth of the problems is enough, as the environment is set in one place for all operations.
add_test(NAME corpus_environment
  COMMAND corpus --check ${CMAKE_CURRENT_SOURCE_DIR}/corpus/hashes.txt --environment --from 0 --to 499)
