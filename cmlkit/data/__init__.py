"""Data: fingerprints of training data, and how far it has drifted."""
