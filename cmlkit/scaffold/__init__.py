"""The scaffold: the first `cmlkit.yaml` and workflow of a project, guessed from its files, and what is said of them."""
