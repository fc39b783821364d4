"""The runner: an instance that exists for one run's jobs. Launch it, list it, stop it, reap it."""
