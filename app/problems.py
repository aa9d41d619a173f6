"""What a command says when it cannot do what was asked: one clear sentence, never a traceback."""


class Refused(Exception):
    """The message names the field, its value, the rule and what to do."""
