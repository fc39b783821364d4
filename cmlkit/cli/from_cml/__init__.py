"""`cmlkit init --from-cml`: a workflow written for CML as one of cmlkit's, and what each line becomes."""
