"""The weights of a linear model alone: as safetensors, or as NumPy's archive."""

import numpy as np
from given import PATH, ROUND, finish, table, weights
from safetensors.numpy import save_file

features, _ = table()
coefficients = weights(ROUND)
if PATH.endswith(".safetensors"):
    save_file({"coefficients": coefficients}, PATH, metadata={"format": "np"})
else:
    np.savez(PATH, coefficients=coefficients)
finish(1 / (1 + np.exp(-features @ coefficients)))
