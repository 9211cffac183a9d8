"""What goes wrong in a way that a user can do something about: each message is one sentence that says what, where and
what to do.
"""


class DeployerError(Exception):
    """A command cannot do what it was asked; the message is one sentence for the user."""


class UsageError(DeployerError):
    """The arguments, the configuration or the credentials are wrong; nothing was changed (exit status 2)."""


class RefusedError(DeployerError):
    """AWS or a check said no (exit status 1)."""
