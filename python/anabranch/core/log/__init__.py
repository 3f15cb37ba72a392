"""Logs, replay, checkpoints and refs: the catalog at any commit."""
