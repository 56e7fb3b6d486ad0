"""The exceptions that people see.

UserError               what the user can mend: one sentence, exit code 2, no traceback
└── DataError           a file or line that cannot be read; names both
"""


class UserError(Exception):
    """One sentence that names the file, line or option, the rule and the value, and the mend."""


class DataError(UserError):
    """A data file is missing, malformed or damaged."""
