"""Benchmarks of `make bench`: cmlkit and its floor, side by side on one machine."""
