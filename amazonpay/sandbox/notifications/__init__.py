"""Instant Payment Notifications, sent as Amazon SNS sends them."""
