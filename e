error: The SQL can't be run: there is no query in it.
hint:  Correct it; outside of Spark it is the SQL of DuckDB.
ANABRANCH_SQL.FAILED
