"""What is sold and who bought it, as the database keeps it: plans, prices, offers, subscribers."""
