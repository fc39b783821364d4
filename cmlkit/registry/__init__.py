"""The registry: versions of a model, compared, pulled, promoted and attested."""
