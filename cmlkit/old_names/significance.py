"""`cmlkit.significance`, a documented import of 0.1.0."""

import warnings

from cmlkit import Interval as Interval
from cmlkit import paired_interval as paired_interval

warnings.warn("cmlkit.significance has moved: from cmlkit import paired_interval", DeprecationWarning, stacklevel=2)
