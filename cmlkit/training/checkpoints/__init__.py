"""Checkpoints: a folder that training fills, saved while it runs and restored by the next attempt of the run."""
