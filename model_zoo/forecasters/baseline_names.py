"""Names of the baselines, known without PyTorch and before anything of them is imported."""

BASELINE_NAMES = ("persistence", "advection", "s-prog")
