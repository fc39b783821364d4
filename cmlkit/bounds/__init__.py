"""Bounded readers of foreign input: answers of servers, files, and YAML."""
