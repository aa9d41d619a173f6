"""The calculators: one JSON line in, one JSON line out, nothing read but the line itself.

For support staff, spreadsheets and other languages. Every answer comes from the very functions
that charge. A line that cannot be answered gets an error that names its field, and the next line
is read as if nothing had happened.
"""

from app.calc.answering import OPERATORS, answer, run

__all__ = ["OPERATORS", "answer", "run"]
