/* Pointwise formulas of gates and memories, from the outputs of convolutions. */
#include "convolve.h"
#include "vector.h"

static const float SLOPE = 0.2f; /* of the leaky ReLU, as in TrajGRU */

/* Clamped at -80: the result is 0 in float32 below, and the exponent stays in its range. */
static inline vec logistic(vec x) {
    const vec zero = {0};
    return 1 / (1 + power(-LOG2_E * larger(x, zero - 80.0f)));
}

static inline vec value_of(const Operand *of, const float *group, const float *field, int room) {
    vec x = group ? *(const vec *)group : take(field, room);
    if (group && field) x += take(field, room);
    switch (of->activation) {
    case SIGMOID: return logistic(x);
    case COMPLEMENT: return logistic(-x);
    case DOUBLE_SIGMOID: return 2 * logistic(x);
    case TANH: return 2 * logistic(2 * x) - 1;
    case LEAKY_RELU: return larger(x, SLOPE * x);
    default: return x;
    }
}

typedef struct {
    const float *group, *field;
} Row;

static Row row_of(const Operand *of, size_t plane, size_t place, int channels, int plane_rows,
                  int stride, int r, const float *outputs) {
    size_t from = (((size_t)of->group * channels + plane) * plane_rows + r) * stride;
    return (Row){of->group < 0 ? 0 : outputs + from, of->field ? of->field + place : 0};
}

void mix(const Mix *of, int channels, int height, int width, Area area, const float *outputs,
         int plane_rows, int stride) {
    const Operand *operands[4] = {&of->a, &of->b, &of->c, &of->d};
    for (int c = 0; c < channels; c++)
        for (int r = 0; r < area.rows; r++) {
            size_t place = ((size_t)c * height + area.top + r) * width + area.left;
            Row rows[4];
            for (int i = 0; i < 4; i++)
                rows[i] = row_of(operands[i], c, place, channels, plane_rows, stride, r, outputs);
            for (int x = 0; x < area.columns; x += LANES) {
                int room = area.columns - x;
#define VALUE(i)                                                                                  \
    value_of(operands[i], rows[i].group ? rows[i].group + x : 0,                                  \
             rows[i].field ? rows[i].field + x : 0, room)
                vec sum = VALUE(0);
                if (of->b.activation != NONE) sum *= VALUE(1);
                if (of->c.activation != NONE) {
                    vec more = VALUE(2);
                    if (of->d.activation != NONE) more *= VALUE(3);
                    sum += more;
                }
                put(of->result + place + x, sum, room);
            }
        }
}

/* A formula without output groups, over `numbers` values. */
void mix_fields(const Mix *of, int numbers, int threads) {
    const int share = 4096;
#pragma omp parallel for num_threads(threads) schedule(static) if (threads > 1)
    for (int start = 0; start < numbers; start += share) {
        int n = numbers - start < share ? numbers - start : share;
        mix(of, 1, 1, numbers, (Area){0, start, 1, n}, 0, 0, 0);
    }
}
