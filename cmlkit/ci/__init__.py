"""CI: the place where cmlkit runs, and how a step talks back to it."""
