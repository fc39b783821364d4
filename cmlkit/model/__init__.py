"""The model: its file, its manifest, what loading it would run, and loading it."""
