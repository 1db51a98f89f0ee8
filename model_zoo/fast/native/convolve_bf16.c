/* Same-size convolutions in bfloat16 by the matrix unit of the CPU (AMX), summed in float32,
   followed by float32 pointwise formulas while the outputs are in the cache.

   A tile of weights has 16 outputs by 32 channels, one of pixels 16 pairs of channels by 16 pixels
   side by side. Pixels lie in pairs of channels, so that a tile of neighbours is one that begins
   some pixels further on: nothing is copied for each weight of a kernel, and none is transformed. */
#include "convolve.h"

#if defined(__AMX_BF16__) && defined(__AMX_TILE__) && defined(__AVX512BF16__) && defined(__linux__)
#include <immintrin.h>
#include <omp.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { TILE = 16, ROWS = 4, PERMIT = 0x1023, TILE_DATA = 18 };

/* Layout of the workspace for one band of rows. */
typedef struct {
    int reach, pairs, blocks; /* of channels, filled up to tiles; tiles of outputs */
    int row, stride;          /* of pixels and of outputs from row to row */
    size_t pixels, outputs, bias, floats;
} Plan;

static Plan plan_of(const Convolution *of) {
    Plan p = {.reach = of->kernel / 2, .pairs = 0};
    for (int part = 0; part < of->parts; part++) p.pairs += (of->count[part] + 1) / 2;
    p.pairs = (p.pairs + TILE - 1) / TILE * TILE;
    p.blocks = (of->outputs + TILE - 1) / TILE;
    p.stride = (of->width + TILE - 1) / TILE * TILE;
    p.row = p.stride + TILE;
    p.pixels = TILE;
    p.outputs = p.pixels + (size_t)(ROWS + 2 * p.reach) * p.pairs * p.row;
    p.bias = p.outputs + (size_t)p.blocks * TILE * ROWS * p.stride;
    p.floats = p.bias + (size_t)p.blocks * TILE * TILE + TILE;
    return p;
}

static inline __m512i rounded(const float *at, __mmask16 there) {
    __m512 values = _mm512_maskz_loadu_ps(there, at);
    return _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh(values));
}

/* Interleave a row of two channels; the second may be missing. */
static void pair_up(const float *a, const float *b, int width, uint32_t *to) {
    for (int x = 0; x < width; x += TILE) {
        __mmask16 there = width - x < TILE ? (1u << (width - x)) - 1 : 0xffff;
        __m512i low = rounded(a + x, there);
        __m512i high = b ? _mm512_slli_epi32(rounded(b + x, there), 16) : _mm512_setzero_si512();
        _mm512_mask_storeu_epi32(to + x, there, _mm512_or_si512(low, high));
    }
}

static void spread(const Convolution *of, const Plan *p, float *memory, int first, int rows) {
    uint32_t *pixels = (uint32_t *)(memory + p->pixels);
    size_t plane = (size_t)of->height * of->width;
    memset(pixels, 0, (size_t)(rows + 2 * p->reach) * p->pairs * p->row * sizeof(uint32_t));
    for (int r = 0; r < rows + 2 * p->reach; r++) {
        int y = first + r - p->reach;
        if (y < 0 || y >= of->height) continue;
        uint32_t *to = pixels + (size_t)r * p->pairs * p->row + p->reach;
        for (int part = 0; part < of->parts; part++)
            for (int c = 0; c < of->count[part]; c += 2, to += p->row) {
                const float *a = of->fields[part] + c * plane + (size_t)y * of->width;
                pair_up(a, c + 1 < of->count[part] ? a + plane : 0, of->width, to);
            }
    }
}

/* M tiles of outputs by N of pixels; tiles 0 to 3 are sums, 4 and 5 weights, 6 and 7 pixels. */
#define SUM(M, N)                                                                                 \
    static void sum_##M##_##N(const Convolution *of, const Plan *p, const uint16_t *weights,      \
                              const uint32_t *pixels, const float *bias, float *outputs) {        \
        int steps = p->pairs / TILE, width = p->row * (int)sizeof(uint32_t);                      \
        size_t block = (size_t)of->kernel * of->kernel * steps * 2 * TILE * TILE;                 \
        size_t to = (size_t)ROWS * p->stride * sizeof(float);                                     \
        _tile_loadd(0, bias, 4 * TILE);                                                           \
        if (N > 1) _tile_loadd(1, bias, 4 * TILE);                                                \
        if (M > 1) _tile_loadd(2, bias + TILE * TILE, 4 * TILE);                                  \
        if (M > 1 && N > 1) _tile_loadd(3, bias + TILE * TILE, 4 * TILE);                         \
        for (int y = 0; y < of->kernel; y++)                                                      \
            for (int x = 0; x < of->kernel; x++)                                                  \
                for (int s = 0; s < steps; s++, weights += 2 * TILE * TILE) {                     \
                    const uint32_t *at =                                                          \
                        pixels + ((size_t)y * p->pairs + s * TILE) * p->row + x;                  \
                    _tile_loadd(4, weights, 4 * TILE);                                            \
                    _tile_loadd(6, at, width);                                                    \
                    _tile_dpbf16ps(0, 4, 6);                                                      \
                    if (N > 1) _tile_loadd(7, at + TILE, width);                                  \
                    if (N > 1) _tile_dpbf16ps(1, 4, 7);                                           \
                    if (M > 1) _tile_loadd(5, weights + block, 4 * TILE);                         \
                    if (M > 1) _tile_dpbf16ps(2, 5, 6);                                           \
                    if (M > 1 && N > 1) _tile_dpbf16ps(3, 5, 7);                                  \
                }                                                                                 \
        _tile_stored(0, outputs, to);                                                             \
        if (N > 1) _tile_stored(1, outputs + TILE, to);                                           \
        if (M > 1) _tile_stored(2, outputs + TILE * ROWS * p->stride, to);                        \
        if (M > 1 && N > 1) _tile_stored(3, outputs + TILE * ROWS * p->stride + TILE, to);        \
    }
SUM(1, 1) SUM(1, 2) SUM(2, 1) SUM(2, 2)

static void sum_band(const Convolution *of, const Plan *p, float *memory, int rows) {
    size_t block = (size_t)of->kernel * of->kernel * p->pairs * 2 * TILE;
    for (int o = 0; o < p->blocks; o += 2) {
        const uint16_t *weights = (const uint16_t *)of->weights + o * block;
        const float *bias = memory + p->bias + (size_t)o * TILE * TILE;
        for (int r = 0; r < rows; r++)
            for (int x = 0; x < p->stride; x += 2 * TILE) {
                const uint32_t *pixels = (const uint32_t *)(memory + p->pixels) +
                                         (size_t)r * p->pairs * p->row + x;
                float *to = memory + p->outputs + ((size_t)o * TILE * ROWS + r) * p->stride + x;
                int tall = o + 1 < p->blocks, wide = x + TILE < p->stride;
                (tall ? wide ? sum_2_2 : sum_2_1 : wide ? sum_1_2 : sum_1_1)(of, p, weights, pixels,
                                                                             bias, to);
            }
    }
}

static void configure(void) {
    struct {
        uint8_t palette, start, reserved[14];
        uint16_t columns[16];
        uint8_t rows[16];
    } all = {.palette = 1};
    for (int tile = 0; tile < 8; tile++) all.columns[tile] = 4 * TILE, all.rows[tile] = TILE;
    _tile_loadconfig(&all);
}

static void bf16_band(const Convolution *of, const Plan *p, float *memory, int first) {
    int rows = of->height - first < ROWS ? of->height - first : ROWS;
    spread(of, p, memory, first, rows);
    sum_band(of, p, memory, rows);
    Area area = {first, 0, rows, of->width};
    for (int i = 0; i < of->mixes; i++)
        mix(of->mix + i, of->channels, of->height, of->width, area, memory + p->outputs, ROWS,
            p->stride);
}

/* Whether this process may use the matrix unit. */
int has_amx(void) { return syscall(SYS_arch_prctl, PERMIT, TILE_DATA) == 0; }

size_t bf16_floats(const Convolution *of) { return plan_of(of).floats; }

/* `weights` are bfloat16, (outputs / 16, kernel, kernel, channels / 32, 16, 32), of the channels of
   the given fields; a field with an odd number of channels has one more, of zeros. */
void convolve_bf16(const Convolution *of, float *memory, int threads) {
    Plan p = plan_of(of);
    int bands = (of->height + ROWS - 1) / ROWS;
#pragma omp parallel num_threads(threads) if (threads > 1)
    {
        float *own = memory + omp_get_thread_num() * p.floats;
        for (int o = 0; o < p.blocks * TILE; o++)
            for (int i = 0; i < TILE; i++)
                own[p.bias + o * TILE + i] = of->bias && o < of->outputs ? of->bias[o] : 0;
        configure();
#pragma omp for schedule(dynamic)
        for (int band = 0; band < bands; band++) bf16_band(of, &p, own, band * ROWS);
        _tile_release();
    }
}

#else

int has_amx(void) { return 0; }

size_t bf16_floats(const Convolution *of) { return 0 * of->height; }

void convolve_bf16(const Convolution *of, float *memory, int threads) {
    (void)of, (void)memory, (void)threads;
}

#endif
