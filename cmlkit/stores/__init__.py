"""Stores: where the bytes of models are kept."""
