"""Settings: each declared once; default, flag, variable, key, help and action input derive from it."""
