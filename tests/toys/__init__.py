"""The smallest cloud, CI and store that work: each is one module, and reached by a line in a registry only."""
