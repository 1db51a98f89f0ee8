/* Same-size convolutions, followed by pointwise formulas while the outputs are in the cache.

   Kernels of 3, 5 and 7 are run by Winograd's minimal filtering in tiles of 8 x 8 points, which
   takes 1.8, 4 and 16 multiplications for each of their 9, 25 and 49 weights (Lavin and Gray 2015,
   https://arxiv.org/abs/1509.09308; the points are 0, 1, -1, 2, -2, 1/2, -1/2 and infinity).
   Vectors run over tiles, so that any number of channels is supported. */
#include <omp.h>

#include "convolve.h"
#include "vector.h"

enum { SIDE = 8, MOST_STEP = 6 };

/* Layout of the workspace for one band of tiles. */
typedef struct {
    int step, points;      /* pixels from tile to tile; points of a tile */
    int across, down;      /* tiles of the field */
    int span, rows, lanes; /* tiles of a band: across, down, and in all, filled up to vectors */
    int total;             /* channels of all given fields */
    int stride, height;    /* of a plane of outputs of a band, in pixels */
    size_t spread, sums, outputs, columns, phases, zeros, floats;
} Plan;

static Plan plan_of(const Convolution *of) {
    Plan p = {.total = 0};
    for (int part = 0; part < of->parts; part++) p.total += of->count[part];
    p.step = of->kernel == 1 ? 1 : SIDE + 1 - of->kernel;
    p.points = of->kernel == 1 ? 1 : SIDE * SIDE;
    p.across = (of->width + p.step - 1) / p.step;
    p.down = (of->height + p.step - 1) / p.step;
    int most = of->kernel == 1 ? 16 * WIDE * LANES : WIDE * LANES;
    int pieces = (p.across + most - 1) / most;
    p.span = (p.across + pieces - 1) / pieces;
    p.rows = pieces > 1 ? 1 : most / p.across < p.down ? most / p.across : p.down;
    p.lanes = (p.rows * p.span + LANES - 1) / LANES * LANES;
    p.stride = (p.span + LANES) * p.step;
    p.height = p.rows * p.step;
    int row = (p.span + LANES + SIDE) * p.step + SIDE;
    int filled = (of->outputs + BLOCK - 1) / BLOCK * BLOCK;
    p.spread = 0;
    p.sums = p.spread + (size_t)p.points * p.total * p.lanes + LANES;
    p.outputs = p.sums + (size_t)p.points * BLOCK * p.lanes + LANES;
    p.columns = p.outputs + (size_t)filled * p.height * p.stride;
    p.phases = p.columns + SIDE * row;
    p.zeros = p.phases + MOST_STEP * row;
    p.floats = p.zeros + of->width + LANES;
    return p;
}

/* ---- from pixels to points ------------------------------------------------------------------ */

#define TO_POINTS(type, D, T)                                                                     \
    do {                                                                                          \
        type e1 = D(2) + D(6) - 4.25f * D(4), o1 = D(1) + D(5) - 4.25f * D(3);                    \
        type e2 = D(6) + 0.25f * D(2) - 1.25f * D(4);                                             \
        type o2 = 0.5f * D(1) - 2.5f * D(3) + 2.0f * D(5);                                        \
        type e3 = D(6) + 4.0f * D(2) - 5.0f * D(4);                                               \
        type o3 = 2.0f * D(1) - 2.5f * D(3) + 0.5f * D(5);                                        \
        T(0, D(0) - D(6) + 5.25f * (D(4) - D(2)));                                                \
        T(1, e1 + o1);                                                                            \
        T(2, e1 - o1);                                                                            \
        T(3, e2 + o2);                                                                            \
        T(4, e2 - o2);                                                                            \
        T(5, e3 + o3);                                                                            \
        T(6, e3 - o3);                                                                            \
        T(7, D(7) - D(1) + 5.25f * (D(3) - D(5)));                                                \
    } while (0)

/* Transform eight rows of pixels to eight rows of points. */
static void down_columns(const float *const *pixels, int width, float *restrict points, int row) {
    const float *p0 = pixels[0], *p1 = pixels[1], *p2 = pixels[2], *p3 = pixels[3];
    const float *p4 = pixels[4], *p5 = pixels[5], *p6 = pixels[6], *p7 = pixels[7];
#pragma GCC ivdep
    for (int x = 0; x < width; x++) {
#define D(i) p##i[x]
#define T(i, value) points[(i) * row + x] = value
        TO_POINTS(float, D, T);
#undef D
#undef T
    }
}

/* Lane l of vector j of a row that is cut into M is pixel M * l + j: which of M vectors has it. */
#define SPLIT(M)                                                                                  \
    static void split##M(const float *row, int tiles, float *phases, int stride) {                \
        for (int t = 0; t < tiles; t += LANES) {                                                  \
            vec pixels[M];                                                                        \
            for (int q = 0; q < M; q++) pixels[q] = *(const vec *)(row + M * t + q * LANES);      \
            for (int j = 0; j < M; j++) {                                                         \
                vec phase = __builtin_shuffle(pixels[0], pixels[1], apart##M[j][1]);              \
                for (int q = 2; q < M; q++)                                                       \
                    phase = __builtin_shuffle(phase, pixels[q], apart##M[j][q]);                  \
                *(vec *)(phases + j * stride + t) = phase;                                        \
            }                                                                                     \
        }                                                                                         \
    }                                                                                             \

#define JOIN(M)                                                                                   \
    static inline void join##M(const vec *phases, float *row) {                                   \
        for (int q = 0; q < M; q++) {                                                             \
            vec pixels = __builtin_shuffle(phases[0], phases[1], together##M[q][1]);              \
            for (int j = 2; j < M; j++)                                                           \
                pixels = __builtin_shuffle(pixels, phases[j], together##M[q][j]);                 \
            *(vec *)(row + q * LANES) = pixels;                                                   \
        }                                                                                         \
    }

static ivec apart2[2][2], apart4[4][4], apart6[6][6];
static ivec together2[2][2], together4[4][4], together6[6][6];

/* Index into two vectors side by side: of the second, of the first, or what is there already. */
static int pick(int have, int want, int lane, int otherwise) {
    return have == want ? LANES + lane : want == 0 && have == 1 ? lane : otherwise;
}

#define INDEX(M)                                                                                  \
    for (int j = 0; j < M; j++)                                                                   \
        for (int q = 0; q < M; q++)                                                               \
            for (int l = 0; l < LANES; l++) {                                                     \
                int pixel = M * l + j, place = q * LANES + l;                                     \
                apart##M[j][q][l] = pick(q, pixel / LANES, pixel % LANES, l);                     \
                together##M[q][j][l] = pick(j, place % M, place / M, l);                          \
            }

__attribute__((constructor)) static void index_lanes(void) { INDEX(2) INDEX(4) INDEX(6) }

SPLIT(2) SPLIT(4) SPLIT(6)
JOIN(2) JOIN(4) JOIN(6)

/* Transform a row of points of each tile; `room` is the number of lanes left. */
#define ALONG(M)                                                                                  \
    static void along##M(const float *phases, int stride, int tiles, float *at, size_t apart,     \
                         int room) {                                                              \
        for (int t = 0; t < tiles; t += LANES) {                                                  \
            vec d[SIDE];                                                                          \
            for (int j = 0; j < SIDE; j++)                                                        \
                d[j] = *(const vec *)(phases + j % M * stride + t + j / M);                       \
            TO_POINTS(vec, D, T);                                                                 \
        }                                                                                         \
    }
#define D(i) d[i]
#define T(i, value) put(at + (i) * apart + t, value, room - t)
ALONG(2) ALONG(4) ALONG(6)
#undef D
#undef T

static void spread(const Convolution *of, const Plan *p, float *memory, int first, int start,
                   int tiles, int rows) {
    int reach = of->kernel / 2, row = (p->span + LANES + SIDE) * p->step + SIDE;
    float *columns = memory + p->columns, *phases = memory + p->phases;
    int left = start * p->step - reach, right = left + (tiles - 1) * p->step + SIDE;
    int from = left < 0 ? 0 : left, to = right > of->width ? of->width : right;
    memset(columns, 0, (p->zeros + of->width - p->columns) * sizeof(float));
    size_t apart = (size_t)p->total * p->lanes;
    int channel = 0;
    for (int part = 0; part < of->parts; part++)
        for (int c = 0; c < of->count[part]; c++, channel++)
            for (int r = 0; r < rows; r++) {
                const float *field = of->fields[part] + (size_t)c * of->height * of->width;
                const float *pixels[SIDE];
                for (int i = 0; i < SIDE; i++) {
                    int y = (first + r) * p->step - reach + i;
                    int inside = y >= 0 && y < of->height;
                    pixels[i] = inside ? field + (size_t)y * of->width + from : memory + p->zeros;
                }
                down_columns(pixels, to - from, columns + from - left, row);
                for (int i = 0; i < SIDE; i++) {
                    float *at = memory + (i * SIDE) * apart + (size_t)channel * p->lanes + r * tiles;
                    int room = p->lanes - r * tiles, seen = tiles + SIDE / p->step + 1;
                    const float *points = columns + i * row;
                    if (p->step == 2) {
                        split2(points, seen, phases, row);
                        along2(phases, row, tiles, at, apart, room);
                    } else if (p->step == 4) {
                        split4(points, seen, phases, row);
                        along4(phases, row, tiles, at, apart, room);
                    } else {
                        split6(points, seen, phases, row);
                        along6(phases, row, tiles, at, apart, room);
                    }
                }
            }
}

/* ---- at each point a product of matrices ------------------------------------------------------ */

/* B outputs of N vectors of tiles, summed over channels in registers. */
#define MULTIPLY(B, N)                                                                            \
    static void multiply_##B##_##N(const Convolution *of, int lanes, const float *v,              \
                                   const float *w, float *sums) {                                 \
        vec sum[B][N];                                                                            \
        for (int o = 0; o < B; o++)                                                               \
            for (int n = 0; n < N; n++) sum[o][n] = (vec){0};                                     \
        for (int part = 0; part < of->parts; part++) {                                            \
            const float *weight = w + of->first[part] * BLOCK;                                    \
            for (int c = 0; c < of->count[part]; c++, v += lanes, weight += BLOCK) {              \
                vec x[N];                                                                         \
                for (int n = 0; n < N; n++) x[n] = *(const vec *)(v + n * LANES);                 \
                for (int o = 0; o < B; o++)                                                       \
                    for (int n = 0; n < N; n++) sum[o][n] += weight[o] * x[n];                    \
            }                                                                                     \
        }                                                                                         \
        for (int o = 0; o < B; o++)                                                               \
            for (int n = 0; n < N; n++) *(vec *)(sums + o * lanes + n * LANES) = sum[o][n];       \
    }
#define MULTIPLY_ALL(B)                                                                           \
    MULTIPLY(B, 1) MULTIPLY(B, 2) MULTIPLY(B, 3)                                                  \
    static void multiply_##B(const Convolution *of, int lanes, const float *v, const float *w,    \
                             float *sums) {                                                       \
        int n = 0, wide = 3 * LANES;                                                              \
        for (; n + wide <= lanes; n += wide) multiply_##B##_3(of, lanes, v + n, w, sums + n);     \
        if (lanes - n == 2 * LANES) multiply_##B##_2(of, lanes, v + n, w, sums + n);              \
        if (lanes - n == LANES) multiply_##B##_1(of, lanes, v + n, w, sums + n);                  \
    }
MULTIPLY_ALL(8) MULTIPLY_ALL(4) MULTIPLY_ALL(2)

static void multiply(const Convolution *of, const Plan *p, int left, const float *v,
                     const float *weights, float *sums) {
    for (int q = 0; q < p->points; q++) {
        const float *vq = v + (size_t)q * p->total * p->lanes;
        const float *wq = weights + (size_t)q * of->inputs * BLOCK;
        float *sum = sums + (size_t)q * BLOCK * p->lanes;
        if (BLOCK == 8 && left > 4) multiply_8(of, p->lanes, vq, wq, sum);
        else if (left > 2) multiply_4(of, p->lanes, vq, wq, sum);
        else multiply_2(of, p->lanes, vq, wq, sum);
    }
}

/* ---- from points to pixels ------------------------------------------------------------------ */

#define TO_PIXELS(M)                                                                              \
    static inline void to_pixels##M(const vec *x, vec *y) {                                       \
        vec s1 = x[1] + x[2], d1 = x[1] - x[2], s2 = x[3] + x[4], d2 = x[3] - x[4];               \
        vec s3 = x[5] + x[6], d3 = x[5] - x[6], all[6];                                           \
        all[0] = x[0] + s1 + s2 + s3;                                                             \
        all[1] = d1 + 2.0f * d2 + 0.5f * d3;                                                      \
        all[2] = s1 + 4.0f * s2 + 0.25f * s3;                                                     \
        all[3] = d1 + 8.0f * d2 + 0.125f * d3;                                                    \
        all[4] = s1 + 16.0f * s2 + 0.0625f * s3;                                                  \
        all[5] = d1 + 32.0f * d2 + 0.03125f * d3;                                                 \
        all[M - 1] += x[7];                                                                       \
        for (int i = 0; i < M; i++) y[i] = all[i];                                                \
    }                                                                                             \
    static void gather##M(const float *sums, size_t apart, vec bias, float *pixels, int stride) { \
        vec half[M][SIDE], x[SIDE], y[M];                                                         \
        for (int j = 0; j < SIDE; j++) {                                                          \
            for (int i = 0; i < SIDE; i++) x[i] = *(const vec *)(sums + (i * SIDE + j) * apart);  \
            to_pixels##M(x, y);                                                                   \
            for (int i = 0; i < M; i++) half[i][j] = y[i];                                        \
        }                                                                                         \
        for (int i = 0; i < M; i++) {                                                             \
            to_pixels##M(half[i], y);                                                             \
            for (int j = 0; j < M; j++) y[j] += bias;                                             \
            join##M(y, pixels + i * stride);                                                      \
        }                                                                                         \
    }
TO_PIXELS(2) TO_PIXELS(4) TO_PIXELS(6)

static void gather(const Plan *p, const float *sums, float bias, float *pixels, int tiles, int rows) {
    size_t apart = BLOCK * p->lanes;
    vec all = bias - (vec){0};
    for (int r = 0; r < rows; r++)
        for (int t = 0; t < tiles; t += LANES) {
            const float *from = sums + r * tiles + t;
            float *to = pixels + r * p->step * p->stride + t * p->step;
            if (p->step == 1) *(vec *)to = *(const vec *)from + all;
            else if (p->step == 2) gather2(from, apart, all, to, p->stride);
            else if (p->step == 4) gather4(from, apart, all, to, p->stride);
            else gather6(from, apart, all, to, p->stride);
        }
}

/* ---- whole convolution ----------------------------------------------------------------------- */

static void copy(const Convolution *of, const Plan *p, float *memory, int first, int start,
                 int tiles, int rows) {
    int channel = 0;
    for (int r = 0; of->flow_count && r < rows; r++)
        warp(of, first + r, start, tiles, memory + r * tiles, p->lanes);
    if (of->flow_count) return;
    for (int part = 0; part < of->parts; part++)
        for (int c = 0; c < of->count[part]; c++, channel++)
            for (int r = 0; r < rows; r++) {
                const float *field = of->fields[part] + (size_t)c * of->height * of->width;
                memcpy(memory + (size_t)channel * p->lanes + r * tiles,
                       field + (size_t)(first + r) * of->width + start, 4 * tiles);
            }
}

static void convolve_band(const Convolution *of, const Plan *p, float *memory, int first, int start) {
    float *sums = memory + p->sums, *outputs = memory + p->outputs;
    int rows = p->down - first < p->rows ? p->down - first : p->rows;
    int tiles = p->across - start < p->span ? p->across - start : p->span;
    if (of->kernel == 1) copy(of, p, memory, first, start, tiles, rows);
    else spread(of, p, memory, first, start, tiles, rows);
    for (int o = 0; o < of->outputs; o += BLOCK) {
        multiply(of, p, of->outputs - o, memory,
                 of->weights + (size_t)o * p->points * of->inputs, sums);
        for (int k = 0; k < BLOCK && o + k < of->outputs; k++)
            gather(p, sums + k * p->lanes, of->bias ? of->bias[o + k] : 0,
                   outputs + (size_t)(o + k) * p->height * p->stride, tiles, rows);
    }
    Area area = {first * p->step, start * p->step, rows * p->step, tiles * p->step};
    if (area.rows > of->height - area.top) area.rows = of->height - area.top;
    if (area.columns > of->width - area.left) area.columns = of->width - area.left;
    for (int i = 0; i < of->mixes; i++)
        mix(of->mix + i, of->channels, of->height, of->width, area, outputs, p->height, p->stride);
}

int block(void) { return BLOCK; }

/* Floats of workspace for one thread. */
size_t convolve_floats(const Convolution *of) { return plan_of(of).floats; }

void convolve(const Convolution *of, float *memory, int threads) {
    Plan p = plan_of(of);
    int pieces = (p.across + p.span - 1) / p.span, bands = (p.down + p.rows - 1) / p.rows;
#pragma omp parallel for num_threads(threads) schedule(dynamic) if (threads > 1)
    for (int band = 0; band < bands * pieces; band++)
        convolve_band(of, &p, memory + omp_get_thread_num() * p.floats, band / pieces * p.rows,
                      band % pieces * p.span);
}
