"""Written once and never changed: the ledger, chargebacks, the chain of hashes over them."""
