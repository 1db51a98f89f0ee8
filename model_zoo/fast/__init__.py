"""The networks of the zoo rearranged to forecast fast, with the results they have as they are.

`model_zoo/cells` is what is read and trained. Here is the same arithmetic for forecasts without
gradients: sums of convolutions are one convolution, nothing is worked out that is zero (the states
before the first frame) or that nobody asks for (what is said of known frames), and what a cell
makes of its convolutions is made while they are in the cache.

    fused_convolution.py    convolutions beside, above and after each other, as one
    pointwise.py            what a cell makes of sums: products of gates and memories, added
    torch_backend.py        what a fast cell is made of; by torch, on any device and precision
    c_backend.py            the same by kernels in C (native/), compiled where there is GCC
                            (c_library.py); in bfloat16 by the processor's matrix unit, or with
                            convolutions by torch
    cells.py, highways.py   the cells by these
    network.py              a whole network, run over time
    cuda_graph.py           a forecast on a GPU as a CUDA graph
    autotune.py             which way is fastest here, found once, after a look at whether it is
                            equal

The kernels in C for learning, by choice of an experiment, are in `model_zoo/training/c_kernels.py`.
A cell that is not here runs as it is, so that a new one needs nothing.
"""
