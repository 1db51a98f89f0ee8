"""What can be wrong with a question to this package.

VerificationError
├── DifferentGrids   the fields do not lie on the same cells, times or leads
├── BadThreshold     no threshold, or one that no rain rate can reach or miss
├── BadWindow        a neighbourhood without a centre cell
└── BadResample      a bootstrap that cannot be drawn
"""


class VerificationError(ValueError):
    """A comparison that would give a number without a meaning."""


class DifferentGrids(VerificationError):
    """The fields do not lie on the same cells, times or leads."""


class BadThreshold(VerificationError):
    """No threshold, or one that is not a finite rate."""


class BadWindow(VerificationError):
    """A neighbourhood without a centre cell: its width has to be an odd number of cells."""


class BadResample(VerificationError):
    """A bootstrap with nothing to draw from, or with no draws, or with an impossible level."""
