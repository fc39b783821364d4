"""Publishing: one training run becomes one commit, a pull request, a report comment and a check."""
