"""Clouds: where instances live."""
