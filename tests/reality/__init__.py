"""cmlkit against servers that others wrote, and our stand-ins against clients that others wrote."""
