"""Tests against a real S3 server, which they start themselves."""
