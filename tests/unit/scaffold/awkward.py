"""Texts that YAML would take for something else if they were not quoted."""

AWKWARD = ("a: b #c", "on", "1e3", "a\nb: c", 'it\'s "so" \\1', "'", "- x", "*a", "a #b", "y")
