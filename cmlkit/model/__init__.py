"""The model: its file, its manifest, the code that loading it would run, and loading it."""
