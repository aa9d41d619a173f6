"""The tables that pages read by themselves; all tables are in the one metadata behind any row."""

from billing import SlotRow

TABLES = SlotRow.metadata.tables

staff_users = TABLES["staff_user"]
recovery_codes = TABLES["recovery_code"]
passkeys = TABLES["passkey"]
passkey_challenges = TABLES["passkey_challenge"]
web_sessions = TABLES["web_session"]
sign_in_failures = TABLES["sign_in_failure"]
known_devices = TABLES["known_device"]
form_uses = TABLES["form_use"]
customers = TABLES["customer"]
merchants = TABLES["merchant"]
subscriptions = TABLES["subscription"]
permissions = TABLES["charge_permission"]
prices = TABLES["price"]
plans = TABLES["plan"]
