"""The least Python that does the same work: bare scripts without checks and retries."""
