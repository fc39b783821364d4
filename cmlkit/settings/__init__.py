"""Settings: one declaration each, from which default, flag, variable, key, help and action input derive."""
