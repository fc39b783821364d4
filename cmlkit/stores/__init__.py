"""Stores: where model bytes go."""
