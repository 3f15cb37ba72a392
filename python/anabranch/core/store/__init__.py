"""Objects under a root: read, create if absent, list."""
