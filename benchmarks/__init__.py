"""What `make bench` measures: ratios of things done side by side in one run on one machine."""
