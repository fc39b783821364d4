"""Forges: where the repository, its pull requests and its runners live."""
