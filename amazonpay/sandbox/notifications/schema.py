"""Tables of this room; `sandbox.schema` joins them with the others."""

DDL = ""
EMPTIED_BY_RESET: tuple[str, ...] = ()
