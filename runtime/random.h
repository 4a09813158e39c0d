/* random.h - counter-based randomness: every number is a function of (seed,
 * site, step, index), so neither the number of threads nor a resume can change
 * it.  Data order and augmentation draw here; the compiled steps draw by the
 * same rule inside their kernels. */
#ifndef SOHO_RANDOM_H
#define SOHO_RANDOM_H

#include "soho/base.h"

/* The number of a site: CRC-32 (IEEE) of its name. */
u32 random_site(const char *name);

/* One block of Philox4x32-10: counter (c0..c3), key = low and high half of
 * seed. */
void random_philox(u64 seed, const u32 counter[4], u32 out[4]);

/* Word i of a site at step t: word i%4 of counter (i/4, 0, site, t). */
u32 random_word(u64 seed, u32 site, u32 t, u32 i);

/* Uniform in [0,1), a multiple of 2^-24. */
f32 random_uniform(u64 seed, u32 site, u32 t, u32 i);

/* Uniform integer in [0,n), n > 0 (multiply and shift; the bias is below
 * n * 2^-32). */
u32 random_below(u64 seed, u32 site, u32 t, u32 i, u32 n);

/* Fisher-Yates over at[0..n); draws words first .. first+n-1. */
void random_shuffle(u64 seed, u32 site, u32 t, u32 first, u32 *at, u32 n);

/* CRC-32 (IEEE), to be started with crc = 0. */
u32 random_crc32(u32 crc, const void *data, u64 bytes);

#endif
