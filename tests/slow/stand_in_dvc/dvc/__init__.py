"""A stand-in for DVC in the sweep of faults: it starts in a fiftieth of the time, and fails when it is told to."""
