"""CML's command lines as cmlkit's, so that only one word of a CML workflow changes.

`commands` and `runner_flags` are the data: every flag of every command, and its fate. Facts: https://cml.dev/doc/ref.
"""
