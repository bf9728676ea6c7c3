# SPDX-License-Identifier: Apache-2.0
rapt_test_program(corpus corpus/corpus.c corpus/array.c corpus/calls.c corpus/gelu.c corpus/hashes.c corpus/linear.c corpus/mha.c
                  corpus/norm.c corpus/rope.c corpus/scores.c corpus/sdpa.c corpus/sdpa_fill.c corpus/send.c)
add_test(NAME corpus COMMAND corpus --check ${CMAKE_CURRENT_SOURCE_DIR}/corpus/hashes.txt)
# A tenth of the problems is enough, as the environment is set in one place for all operations.
add_test(NAME corpus_environment
  COMMAND corpus --check ${CMAKE_CURRENT_SOURCE_DIR}/corpus/hashes.txt --environment --from 0 --to 499)
# Decode as the way of reading that this machine does not take gives the same bits: each way is forced in turn.
foreach(reading prefetch streams)
  add_test(NAME corpus_${reading}
    COMMAND corpus --check ${CMAKE_CURRENT_SOURCE_DIR}/corpus/hashes.txt --from 0 --to 1999)
  set_property(TEST corpus_${reading} PROPERTY ENVIRONMENT RAPT_READING=${reading})
endforeach()
