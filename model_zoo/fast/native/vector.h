/* SIMD vectors of the CPU's width in GNU C, so that one source serves every instruction set. */
#ifndef VECTOR_H
#define VECTOR_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>
#if defined(__AVX512F__)
#include <immintrin.h>
#endif

#if defined(__AVX512F__)
#define LANES 16
#define BLOCK 8 /* outputs summed at once: BLOCK x WIDE vectors fill the registers */
#elif defined(__AVX__)
#define LANES 8
#define BLOCK 4
#else
#define LANES 4
#define BLOCK 8
#endif
#define WIDE 3

typedef float vec __attribute__((vector_size(4 * LANES), aligned(4), may_alias));
typedef int32_t ivec __attribute__((vector_size(4 * LANES), aligned(4), may_alias));

#if defined(__AVX512F__)
static inline vec larger(vec a, vec b) { return (vec)_mm512_max_ps((__m512)a, (__m512)b); }
#else
static inline vec larger(vec a, vec b) {
    ivec first = a > b;
    return (vec)((first & (ivec)a) | (~first & (ivec)b));
}
#endif

/* Keep a value in a register that would otherwise be loaded again for each use. */
#if defined(__AVX__)
#define HOLD(value) __asm__("" : "+v"(value))
#else
#define HOLD(value) (void)(value)
#endif

/* 2 to the power of x, to 2e-7 of it; x is taken as at least -126 and should be less than 127. */
static inline vec power(vec x) {
    const vec zero = {0}, shift = zero + 12582912.0f; /* 1.5 * 2^23 has no room for fractions */
    x = larger(x, zero - 126.0f);
    vec shifted = x + shift, rest = x - (shifted - shift);
    vec sum = zero + 1.535336188e-4f;
    sum = sum * rest + 1.339887440e-3f;
    sum = sum * rest + 9.618437358e-3f;
    sum = sum * rest + 5.550332471e-2f;
    sum = sum * rest + 2.402264791e-1f;
    sum = sum * rest + 6.931472029e-1f;
    sum = sum * rest + 1.0f;
    return (vec)((ivec)sum + ((ivec)shifted << 23));
}

/* Store at most `room` lanes of a vector. */
static inline void put(float *at, vec value, int room) {
    if (room >= LANES)
        *(vec *)at = value;
    else if (room > 0)
        memcpy(at, &value, sizeof(float) * room);
}

/* Load at most `room` lanes of a vector; zeros beyond. */
static inline vec take(const float *at, int room) {
    if (room >= LANES) return *(const vec *)at;
    vec value = {0};
    memcpy(&value, at, sizeof(float) * room);
    return value;
}

#define LOG2_E 1.44269504f

#endif
