"""Records: frozen values that one step of a run passes to the next."""
