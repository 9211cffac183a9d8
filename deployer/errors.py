"""What can go wrong, by what the person at the command line must do about it. Every message is one sentence."""


class DeployerError(Exception):
    """A failure that is explained by its message alone; `exit_status` is what the command line ends with.

    Where one look found several mistakes, `others` are the sentences after the first.
    """

    exit_status = 1

    def __init__(self, sentence: str, *others: str) -> None:
        super().__init__(sentence)
        self.others = others


class UsageError(DeployerError):
    """The arguments, the configuration or the credentials are wrong; nothing was changed."""

    exit_status = 2


class RefusedError(DeployerError):
    """AWS or a check said no."""


class OutOfReachError(RefusedError):
    """An account cannot be read with the credentials at hand."""
