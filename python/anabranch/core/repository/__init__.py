"""The repository as users meet it."""
