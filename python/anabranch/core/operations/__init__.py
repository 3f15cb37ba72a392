"""What can be done to tables and branches, and how rows are read and written."""
