"""Merges: of catalogs by table, of tables by row, of rows by cell."""
