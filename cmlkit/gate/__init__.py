"""The gate: rules, metrics, significance and the verdict. Pure."""
