"""What others wrote, read within bounds: answers of servers, files, and YAML."""
