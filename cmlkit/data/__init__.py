"""Data: fingerprints of what a model is trained on, and how far it has drifted."""
