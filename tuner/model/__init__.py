"""Curves, quantiles, comparisons: arrays in, numbers out.

Imports numpy, scipy and the words; no I/O, no printing, no clock, and chance only from a generator
that is handed in. Each module cites its source and says where its constants come from. To add a
curve family: ``families.py``, a test, the replay benchmark.
"""

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]
