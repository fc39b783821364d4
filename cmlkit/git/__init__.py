"""git: the checkout, its history, its remote and its objects."""
