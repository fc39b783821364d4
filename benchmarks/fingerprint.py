"""The fingerprint of PATH, as `cmlkit train` makes it after a training."""

import sys
from pathlib import Path

from cmlkit.data.fingerprint import fingerprints

print(fingerprints(sys.argv[1:], Path(), missing=sys.exit)[0].sha256)
