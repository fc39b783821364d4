"""Retrain a model on a short-lived EC2 runner and open a pull request with the result."""
