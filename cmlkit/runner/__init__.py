"""The runner: an instance for the jobs of one run. Launching, listing, stopping and reaping."""
