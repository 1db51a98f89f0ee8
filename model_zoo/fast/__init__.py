"""The networks of the zoo rearranged to forecast fast, with the results they have as they are.

`model_zoo/cells` is what is read and trained. Here is the same arithmetic for forecasts without
gradients: sums of convolutions are one convolution, nothing is worked out that is zero (the states
before the first frame) or that nobody asks for (what is said of known frames), and what a cell
makes of its convolutions is made while they are in the cache.

    kernel.py       convolutions beside, above and after each other, as one
    formula.py      what a cell makes of sums: products of gates and memories, added
    arithmetic.py   what a fast cell is made of; by torch, on any device and in any precision
    native.py       the same by kernels in C (native/), compiled where there is GCC (library.py);
                    in bfloat16 by the processor's matrix unit, or with convolutions by torch
    cells.py, highways.py   the cells by these
    network.py      a whole network, run over time
    recorded.py     a forecast on a GPU as a CUDA graph
    choice.py       which way is fastest here, found once, after a look at whether it is equal
    training.py     the kernels in C for learning, by choice of an experiment

A cell that is not here runs as it is, so that a new one needs nothing.
"""
