"""The cache: files and folders that are kept in a bucket between the runs of a branch."""
