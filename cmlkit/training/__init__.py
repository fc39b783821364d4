"""Training: a command or an estimator becomes a TrainingRun."""
