/* Halving and doubling of the resolution, as in `model_zoo.layers.resample`. */
#include <stddef.h>

/* Max pooling of blocks of 2 x 2 pixels. */
void halve(const float *field, float *out, int channels, int height, int width, int threads) {
    int down = height / 2, across = width / 2;
#pragma omp parallel for num_threads(threads) schedule(static) if (threads > 1)
    for (int row = 0; row < channels * down; row++) {
        const float *upper = field + ((size_t)(row / down) * height + row % down * 2) * width;
        const float *lower = upper + width;
        float *to = out + (size_t)row * across;
        for (int x = 0; x < across; x++) {
            float left = upper[2 * x] > lower[2 * x] ? upper[2 * x] : lower[2 * x];
            float right = upper[2 * x + 1] > lower[2 * x + 1] ? upper[2 * x + 1] : lower[2 * x + 1];
            to[x] = left > right ? left : right;
        }
    }
}

/* Bilinear interpolation with aligned pixel centres, to (channels, 2 height, 2 width). */
void twice(const float *field, float *out, int channels, int height, int width, int threads) {
#pragma omp parallel for num_threads(threads) schedule(static) if (threads > 1)
    for (int row = 0; row < channels * height; row++) {
        int y = row % height, end = width - 1;
        const float *here = field + (size_t)row * width;
        const float *near[2] = {y > 0 ? here - width : here, y < height - 1 ? here + width : here};
        for (int i = 0; i < 2; i++) {
            const float *other = near[i];
            float *to = out + ((size_t)row * 2 + i) * 2 * width;
#define DOWN(x) (0.75f * here[x] + 0.25f * other[x])
            to[0] = DOWN(0);
            for (int x = 0; x < end; x++) {
                to[2 * x + 1] = 0.75f * DOWN(x) + 0.25f * DOWN(x + 1);
                to[2 * x + 2] = 0.25f * DOWN(x) + 0.75f * DOWN(x + 1);
            }
            to[2 * end + 1] = DOWN(end);
#undef DOWN
        }
    }
}
