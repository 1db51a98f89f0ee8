"""Fastest implementations by kind of processor, for machines where no cache can be written.

`python -m benchmarks.speed.served.shipped_choices` measures them, and writes those of the machine
it runs on into `choices.json`: by kind of processor, number of threads, and whether bfloat16 is
allowed.
"""
