"""The sandbox: AWS and GitHub on loopback, and the machines that boot between them."""
