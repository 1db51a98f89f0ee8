"""Fast inference: the networks of the zoo with fused operations and the same results.

The cells in `model_zoo/cells` are for reading and training. Here the same equations run without
gradients: sums of convolutions are fused into one convolution, zero states before the first frame
and predictions of known frames are skipped, and pointwise formulas of the outputs of a convolution
are evaluated while these are in the cache.

    fused_convolution.py    fusing of several convolutions into one
    pointwise.py            formulas of gates and memories
    backend.py              interface of a backend
    torch_backend.py        backend by torch for any device and precision
    c_backend.py            backend by C kernels (native/), compiled where there is GCC
                            (c_library.py), or in advance for several processors (prebuilt.py,
                            build_kernels.py); with their structures and layouts of weights
    bf16_backend.py         convolutions in bfloat16, by the matrix unit (AMX) or by torch
    cells.py, highways.py   fast cells
    network.py              a whole network, run over time
    cuda_graph.py           a forecast as a CUDA graph
    autotune.py             choice of the fastest implementation whose results are the same
    shipped_choices/        that choice by kind of processor, where none can be cached

The C kernels for training, an option of an experiment, are in `model_zoo/training/c_kernels.py`.
Cells without a fast version run as they are, so that a new cell needs no code here.
"""
