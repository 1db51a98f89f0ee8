/* Local attention of each pixel, as in `model_zoo.layers.local_attention.attend`.

   Vectors run over pixels of a row. A few rows of queries go together, so that keys and values are
   loaded once for all of them; scores live for one row of keys and are never kept (online softmax,
   Milakov and Gimelshein 2018, https://arxiv.org/abs/1805.02867). */
#include <omp.h>

#include "vector.h"

enum {
    ROWS = 3,                        /* of queries that go together */
    STEPS = LANES == 8 ? 3 : 6,      /* neighbours scored at once */
    DEPTH = BLOCK                    /* channels summed at once */
};

typedef struct {
    int channels, deep, height, width, window;
    int stride; /* of a row of a packed field */
} Shape;

static Shape shape_of(int channels, int height, int width, int window) {
    int deep = (channels + DEPTH - 1) / DEPTH * DEPTH;
    int stride = (width + LANES - 1) / LANES * LANES + window + STEPS + LANES;
    return (Shape){channels, deep, height, width, window, stride};
}

static size_t packed_floats(const Shape *s) {
    return (size_t)(s->height + s->window + ROWS) * s->deep * s->stride;
}

static size_t row_floats(const Shape *s) {
    return (size_t)ROWS * LANES * (s->window + STEPS + 3 + s->deep);
}

/* A scaled field with zero padding: (rows, deep, stride). */
static void pack(const Shape *s, const float *field, int before, float scale, float *packed) {
    memset(packed, 0, sizeof(float) * packed_floats(s));
    for (int y = 0; y < s->height; y++)
        for (int c = 0; c < s->channels; c++) {
            const float *from = field + ((size_t)c * s->height + y) * s->width;
            float *to = packed + ((size_t)(y + before) * s->deep + c) * s->stride + before;
            for (int x = 0; x < s->width; x++) to[x] = scale * from[x];
        }
}

/* Scores of ROWS rows of queries with each neighbour in one row of keys. */
static void score(const Shape *s, const float *query, const float *key, float *scores, int apart) {
    size_t row = (size_t)s->deep * s->stride;
    for (int dx = 0; dx < s->window; dx += STEPS) {
        vec sum[ROWS][STEPS] = {0};
        for (int c = 0; c < s->channels; c++) {
            vec k[STEPS];
            for (int i = 0; i < STEPS; i++) {
                k[i] = *(const vec *)(key + c * s->stride + dx + i);
                HOLD(k[i]);
            }
            for (int j = 0; j < ROWS; j++) {
                vec q = *(const vec *)(query + j * row + c * s->stride);
                for (int i = 0; i < STEPS; i++) sum[j][i] += q * k[i];
            }
        }
        for (int j = 0; j < ROWS; j++)
            for (int i = 0; i < STEPS; i++)
                *(vec *)(scores + j * apart + (dx + i) * LANES) = sum[j][i];
    }
}

/* Turn scores (exponents of two) into weights relative to the largest score so far, and return the
   factor by which earlier sums must shrink. */
static void weigh(int window, float *scores, vec *most, vec *total, vec *shrink) {
    vec *at = (vec *)scores, largest = *most, sum = {0};
    for (int dx = 0; dx < window; dx++) largest = larger(largest, at[dx]);
    *shrink = power(*most - largest);
    *most = largest;
    for (int dx = 0; dx < window; dx++) {
        at[dx] = power(at[dx] - largest);
        sum += at[dx];
    }
    *total = *total * *shrink + sum;
}

static void add_values(const Shape *s, const float *value, const float *weights, int apart,
                       const float *shrink, float *sums) {
    for (int c = 0; c < s->deep; c += DEPTH) {
        vec sum[DEPTH][ROWS];
        float *at = sums + c * ROWS * LANES;
        for (int i = 0; i < DEPTH; i++)
            for (int j = 0; j < ROWS; j++)
                sum[i][j] = *(vec *)(at + (i * ROWS + j) * LANES) * *(const vec *)(shrink + j * LANES);
        for (int dx = 0; dx < s->window; dx++) {
            vec w[ROWS];
            for (int j = 0; j < ROWS; j++) w[j] = *(const vec *)(weights + j * apart + dx * LANES);
            for (int i = 0; i < DEPTH; i++) {
                vec v = *(const vec *)(value + (c + i) * s->stride + dx);
                HOLD(v);
                for (int j = 0; j < ROWS; j++) sum[i][j] += v * w[j];
            }
        }
        for (int i = 0; i < DEPTH; i++)
            for (int j = 0; j < ROWS; j++) *(vec *)(at + (i * ROWS + j) * LANES) = sum[i][j];
    }
}

static void attend_rows(const Shape *s, const float *query, const float *key, const float *value,
                        float *out, float *scores, int y) {
    int apart = (s->window + STEPS) * LANES;
    size_t row = (size_t)s->deep * s->stride;
    float *most = scores + ROWS * apart, *total = most + ROWS * LANES;
    float *shrink = total + ROWS * LANES, *sums = shrink + ROWS * LANES;
    for (int x = 0; x < s->width; x += LANES) {
        memset(total, 0, sizeof(float) * ROWS * LANES);
        memset(sums, 0, sizeof(float) * s->deep * ROWS * LANES);
        for (int l = 0; l < ROWS * LANES; l++) most[l] = -1e38f;
        for (int r = 0; r < s->window + ROWS - 1; r++) {
            score(s, query + y * row + x, key + (y + r) * row + x, scores, apart);
            for (int j = 0; j < ROWS; j++) {
                if (r >= j && r < j + s->window) {
                    weigh(s->window, scores + j * apart, (vec *)most + j, (vec *)total + j,
                          (vec *)shrink + j);
                    continue;
                }
                memset(scores + j * apart, 0, sizeof(float) * apart);
                for (int l = 0; l < LANES; l++) shrink[j * LANES + l] = 1;
            }
            add_values(s, value + (y + r) * row + x, scores, apart, shrink, sums);
        }
        int n = s->width - x < LANES ? s->width - x : LANES;
        for (int c = 0; c < s->channels; c++)
            for (int j = 0; j < ROWS && y + j < s->height; j++)
                for (int l = 0; l < n; l++)
                    out[((size_t)c * s->height + y + j) * s->width + x + l] =
                        sums[(c * ROWS + j) * LANES + l] / total[j * LANES + l];
    }
}

/* Floats of workspace for a number of threads. */
size_t attend_floats(int channels, int height, int width, int window, int threads) {
    Shape s = shape_of(channels, height, width, window);
    return 3 * packed_floats(&s) + threads * row_floats(&s);
}

/* All fields are (channels, height, width), contiguous. */
void attend(const float *query, const float *key, const float *value, float *out, int channels,
            int height, int width, int window, float *memory, int threads) {
    Shape s = shape_of(channels, height, width, window);
    size_t size = packed_floats(&s);
    float *q = memory, *k = q + size, *v = k + size, *scores = v + size;
    pack(&s, query, 0, LOG2_E, q);
    pack(&s, key, window / 2, 1, k);
    pack(&s, value, window / 2, 1, v);
#pragma omp parallel for num_threads(threads) schedule(dynamic) if (threads > 1)
    for (int y = 0; y < height; y += ROWS)
        attend_rows(&s, q, k, v, out, scores + omp_get_thread_num() * row_floats(&s), y);
}
