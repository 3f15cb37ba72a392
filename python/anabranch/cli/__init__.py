"""The command line: ``anabranch --help``."""
