"""The database itself: connections, rows in batches, merchants, sealed keys, events, notices."""
