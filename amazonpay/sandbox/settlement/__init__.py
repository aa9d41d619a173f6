"""Money after the charge: transactions, settlements, disbursements and reports."""
