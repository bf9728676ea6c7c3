// SPDX-License-Identifier: Apache-2.0
// What the register tiles of a tier have in common.
#ifndef RAPT_CPU_KERNELS_TILE_H
#define RAPT_CPU_KERNELS_TILE_H

#define PANEL_WIDTH (TILE_VECTORS * V_LANES)
// For functions whose loop bounds are constants at every call, so that their arrays stay in registers. With sanitizers
// the compiler chooses: checks in every copy of every loop would take it ten times as long, and are the same in one.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define ALWAYS_INLINE static inline
#else
#define ALWAYS_INLINE static inline __attribute__((always_inline))
#endif

#endif
