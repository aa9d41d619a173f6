"""The pages a buyer sees in the browser."""
