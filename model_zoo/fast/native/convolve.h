/* Arguments of the kernels. All fields are float32, (channels, height, width), contiguous. */
#ifndef CONVOLVE_H
#define CONVOLVE_H

#include <stddef.h>

/* As `Activation` in pointwise.py. */
enum { IDENTITY, SIGMOID, COMPLEMENT, DOUBLE_SIGMOID, TANH, LEAKY_RELU, NONE = -1 };

/* Activation of the sum of an output group and a field, where given. */
typedef struct {
    int activation;
    int group; /* of outputs of the convolution, NONE for none */
    const float *field;
} Operand;

/* result = a b + c d; b and d may be NONE, which stands for 1, and c NONE, which stands for 0. */
typedef struct {
    Operand a, b, c, d;
    float *result;
} Mix;

typedef struct {
    int kernel, height, width;
    int parts;         /* concatenated fields */
    int inputs;        /* channels of the weights */
    int outputs;
    int channels;      /* of an output group */
    int mixes;
    const int *first;  /* first channel of each part in the weights */
    const int *count;  /* number of channels of each part */
    const float *const *fields;
    const float *weights; /* (outputs / BLOCK, points, inputs, BLOCK) */
    const float *bias;
    const Mix *mix;
    int flow_count;    /* if not 0, the kernel is 1x1 and its inputs are the channels of the only */
    int shrinking;     /* field warped by the first flow, by the second, and so on: see warp.c */
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
