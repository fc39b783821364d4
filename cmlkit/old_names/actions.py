"""`cmlkit.actions`, a documented import of 0.1.0."""

import warnings

from cmlkit import workflow_run as workflow_run

warnings.warn("cmlkit.actions has moved: from cmlkit import workflow_run", DeprecationWarning, stacklevel=2)
