/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file contexts.h
 * @brief One context per tier this machine can run.
 */
#ifndef RAPT_TESTS_CONTEXTS_H
#define RAPT_TESTS_CONTEXTS_H

#include <rapt/rapt.h>

/** Room for every tier of rapt.h. */
enum { MAX_TIERS = 3 };

/** A context of this tier and thread count; ends the test where it cannot be had. */
rapt_context *context_of(int32_t isa, int32_t threads);

/** The usable tiers in ascending order, portable first; prints once why a tier is left out. */
int usable_tiers(int32_t tiers[MAX_TIERS]);

#endif
