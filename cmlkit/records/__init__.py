"""Records: what passes between stages as frozen values."""
