/* What is asked of the kernels. All fields are float32, (channels, height, width), without gaps. */
#ifndef CONVOLVE_H
#define CONVOLVE_H

#include <stddef.h>

enum { SAME, SIGMOID, REST, DOUBLE, TANH, LEAKY, NOTHING = -1 };

/* A number of each pixel: `how` of the sum of a group of outputs and of a field, where given. */
typedef struct {
    int how;
    int group; /* of outputs of the convolution, -1 for none */
    const float *field;
} Operand;

/* result = a b + c d, where b and d may be NOTHING, which is 1, and c NOTHING, which is 0. */
typedef struct {
    Operand a, b, c, d;
    float *result;
} Mix;

typedef struct {
    int kernel, height, width;
    int parts;         /* fields side by side */
    int inputs;        /* channels that there are weights for */
    int outputs;
    int channels;      /* of a group of outputs */
    int mixes;
    const int *first;  /* first channel of each part in the weights */
    const int *count;  /* and how many it has */
    const float *const *fields;
    const float *weights; /* (outputs / BLOCK, points, inputs, BLOCK) */
    const float *bias;
    const Mix *mix;
    int flow_count;    /* where there are any, the kernel is 1x1 and its channels are those of the */
    int shrinking;     /* only field along one flow after the other: see warp.c */
    const float *flows;        /* (flow_count, 2, height, width), in pixels, east then south */
    const float *flow_weights; /* (flow_count, height, width), null for 1 */
} Convolution;

typedef struct {
    int top, left, rows, columns;
} Area;

void warp(const Convolution *by, int y, int start, int tiles, float *out, int apart);

void mix(const Mix *of, int channels, int height, int width, Area area, const float *outputs,
         int plane_rows, int stride);

#endif
