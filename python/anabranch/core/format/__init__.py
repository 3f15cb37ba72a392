"""Sections 2 to 4 of SPEC.md: JSON, values, names, tables, files, commits. Pure."""
