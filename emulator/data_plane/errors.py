"""Refusals in the form that AWS's services give them."""


class ServiceError(Exception):
    """A service said no: ``code`` is the error code of its model, ``status`` the HTTP status."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.status = status
