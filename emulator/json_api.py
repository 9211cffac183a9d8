"""Services of the JSON protocol: operations named by the X-Amz-Target header, input checked by the service model."""

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache
from typing import Any

import botocore.session
from botocore.model import OperationModel, ServiceModel
from botocore.validate import ParamValidator

from emulator.handlers import Response

Operation = Callable[[dict[str, Any]], Mapping[str, Any]]


class ApiError(Exception):
    """An API refuses a request: the error's code as the service model names it, and its message."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.status = status


class JsonApi:
    """Answers operations of one service (botocore's name for it); leaves those that it lacks to ministack."""

    def __init__(self, service: str, operations: Mapping[str, Operation]) -> None:
        self._service = service
        self._operations = operations

    def __call__(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Response | None:
        """Answer a request (``emulator.handlers.Api``)."""
        name = headers.get("x-amz-target", "").rpartition(".")[2]
        operation = self._operations.get(name)
        if operation is None:
            return None
        try:
            parameters = json.loads(body or b"{}")
            _validate(_service_model(self._service).operation_model(name), parameters)
            return _respond(200, operation(parameters))
        except ApiError as error:
            return refusal(error)


def refusal(error: ApiError) -> Response:
    """Return the answer that tells of a refusal."""
    return _respond(error.status, {"__type": error.code, "message": str(error)})


@cache
def _service_model(service: str) -> ServiceModel:
    return botocore.session.Session().get_service_model(service)


def _validate(model: OperationModel, parameters: dict[str, Any]) -> None:
    report = ParamValidator().validate(parameters, model.input_shape)
    if report.has_errors():
        raise ApiError("ValidationException", report.generate_report())


def _respond(status: int, document: Mapping[str, Any]) -> Response:
    text = json.dumps(document, default=_seconds)
    return status, {"content-type": "application/x-amz-json-1.1"}, text.encode()


def _seconds(value: Any) -> float:
    if isinstance(value, datetime):
        return value.timestamp()
    raise TypeError(f"{type(value).__name__} is not JSON")
