/* Backward warping by flows as in `model_zoo.layers.warp`: bilinear, zero outside. */
#include <math.h>

#include "convolve.h"

enum { STRIP = 256, CORNERS = 4 };

typedef struct {
    int at[CORNERS][STRIP];
    float share[CORNERS][STRIP];
} Corners;

/* Indices and bilinear weights of the four pixels around the source of each of `n` pixels from
   (y, start); flows and weights begin at the first of these. */
static void find(Corners *of, const Convolution *by, const float *east, const float *south,
                 const float *weights, int y, int start, int n) {
    int height = by->height, width = by->width;
    float wider = by->shrinking && width > 1 ? width / (width - 1.0f) : 1;
    float taller = by->shrinking && height > 1 ? height / (height - 1.0f) : 1;
    float half = by->shrinking ? 0.5f : 0;
    for (int x = 0; x < n; x++) {
        float column = (start + x + east[x]) * wider - half, row = (y + south[x]) * taller - half;
        column = column > -2 ? column < width + 1 ? column : width + 1 : -2;
        row = row > -2 ? row < height + 1 ? row : height + 1 : -2;
        float left = floorf(column), top = floorf(row), weight = weights ? weights[x] : 1;
        for (int i = 0; i < CORNERS; i++) {
            int c = (int)left + i % 2, r = (int)top + i / 2;
            float across = i % 2 ? column - left : 1 - (column - left);
            float down = i / 2 ? row - top : 1 - (row - top);
            int inside = c >= 0 && c < width && r >= 0 && r < height;
            of->at[i][x] = inside ? r * width + c : 0;
            of->share[i][x] = inside ? across * down * weight : 0;
        }
    }
}

/* Warp the only field of a convolution by each of its flows: `tiles` pixels from (y, start), ordered
   by flow, then channel, with a stride of `apart`. */
void warp(const Convolution *by, int y, int start, int tiles, float *out, int apart) {
    size_t plane = (size_t)by->height * by->width;
    int channels = by->count[0] / by->flow_count;
    for (int flow = 0; flow < by->flow_count; flow++)
        for (int at = 0; at < tiles; at += STRIP) {
            int n = tiles - at < STRIP ? tiles - at : STRIP;
            size_t place = (size_t)y * by->width + start + at;
            const float *east = by->flows + 2 * flow * plane + place;
            const float *weights = by->flow_weights ? by->flow_weights + flow * plane + place : 0;
            Corners of;
            find(&of, by, east, east + plane, weights, y, start + at, n);
            for (int c = 0; c < channels; c++) {
                const float *from = by->fields[0] + c * plane;
                float *to = out + (size_t)(flow * channels + c) * apart + at;
                for (int x = 0; x < n; x++) {
                    float sum = of.share[0][x] * from[of.at[0][x]];
                    for (int i = 1; i < CORNERS; i++) sum += of.share[i][x] * from[of.at[i][x]];
                    to[x] = sum;
                }
            }
        }
}
