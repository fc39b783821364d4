"""The least Python that does the same work: bare scripts, without checks, retries or care for what is there."""
