"""The sandbox's GitHub, each answer of its API held to GitHub's own description."""
