"""What the tests of every room share: a real PostgreSQL and a real local Amazon Pay."""
