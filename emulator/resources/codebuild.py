"""CodeBuild: AWS::CodeBuild::Project, and builds of an image from a source archive in S3.

Rules: CreateProject, StartBuild, BatchGetBuilds and ListBuildsForProject in the CodeBuild API reference. A project's
concurrent builds are limited, a token gives the same build again for five minutes, and a source that the role's service
cannot find fails the phase DOWNLOAD_SOURCE. What a build does here is in ``emulator.image_builds``.
"""

import threading
import time
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from botocore.exceptions import ClientError

from emulator import bridge, image_builds
from emulator.handlers import Created, HandlerFailed, Properties, ResourceHandler, suffix
from emulator.json_api import ApiError, JsonApi
from emulator.records import Record, Table

_projects = Table("codebuild-projects")
_builds = Table("codebuild-builds")
_lock = threading.Lock()
_TOKEN_SECONDS = 300
_OVERRIDES = {
    "environmentTypeOverride": "type",
    "imageOverride": "image",
    "computeTypeOverride": "computeType",
    "privilegedModeOverride": "privilegedMode",
}


def _arn(kind: str, name: str) -> str:
    account, region = bridge.current_scope()
    return f"arn:aws:codebuild:{region}:{account}:{kind}/{name}"


def _project(name: str) -> Record:
    record = _projects.get(name)
    if record is None:
        raise ApiError("ResourceNotFoundException", f"Project cannot be found: {_arn('project', name)}")
    return record


def create_project(parameters: dict[str, Any]) -> dict[str, Any]:
    """Make a project."""
    name = parameters["name"]
    if _projects.get(name) is not None:
        raise ApiError("ResourceAlreadyExistsException", f"Project already exists: {_arn('project', name)}")
    _check(parameters)
    now = time.time()
    record = {**parameters, "arn": _arn("project", name), "created": now, "lastModified": now}
    _projects.put(name, record)
    return {"project": record}


def update_project(parameters: dict[str, Any]) -> dict[str, Any]:
    """Change what is given of a project."""
    record = {**_project(parameters["name"]), **parameters, "lastModified": time.time()}
    _check(record)
    _projects.put(parameters["name"], record)
    return {"project": record}


def _check(parameters: Mapping[str, Any]) -> None:
    role = str(parameters["serviceRole"])
    try:
        bridge.client("iam").get_role(RoleName=role.rpartition("/")[2])
    except ClientError:
        text = f"CodeBuild is not authorized to perform: sts:AssumeRole on service role {role}"
        raise ApiError("InvalidInputException", text) from None
    source = parameters["source"]
    if source["type"] == "S3" and "/" not in str(source.get("location", "")):
        raise ApiError("InvalidInputException", "Invalid project source: location must be a valid S3 source")


def delete_project(parameters: dict[str, Any]) -> dict[str, Any]:
    """Remove a project; its builds go with it."""
    _projects.pop(parameters["name"])
    for key, record in list(_builds.items()):
        if record["projectName"] == parameters["name"]:
            _builds.pop(key)
    return {}


def get_projects(parameters: dict[str, Any]) -> dict[str, Any]:
    """Return projects by name."""
    found = {name: _projects.get(name) for name in parameters["names"]}
    return {
        "projects": [record for record in found.values() if record is not None],
        "projectsNotFound": [name for name, record in found.items() if record is None],
    }


def start_build(parameters: dict[str, Any]) -> dict[str, Any]:
    """Start a build, or give again the one that the same token started."""
    project = _project(parameters["projectName"])
    token = parameters.get("idempotencyToken")
    with _lock:
        mine = [record for record in _builds.values() if record["projectName"] == project["name"]]
        for record in mine:
            if token and record["token"] == token and time.time() - record["startTime"] < _TOKEN_SECONDS:
                return {"build": _shown(record)}
        running = [record for record in mine if record["buildStatus"] == "IN_PROGRESS"]
        if len(running) >= project.get("concurrentBuildLimit", 60):
            text = f"Cannot have more than {len(running)} active builds for the project"
            raise ApiError("AccountLimitExceededException", text)
        record = _record(project, parameters, len(mine) + 1)
        _builds.put(record["id"], record)
    image_builds.start(record)
    return {"build": _shown(record)}


def _record(project: Record, parameters: Mapping[str, Any], number: int) -> Record:
    build = f"{project['name']}:{uuid4()}"
    given = parameters.get("environmentVariablesOverride", [])
    names = {variable["name"] for variable in given}
    kept = [one for one in project["environment"].get("environmentVariables", []) if one["name"] not in names]
    environment = {**project["environment"], "environmentVariables": [*kept, *given]}
    environment |= {name: parameters[key] for key, name in _OVERRIDES.items() if key in parameters}
    source = {**project["source"]}
    source |= {
        name: parameters[key]
        for key, name in (("sourceTypeOverride", "type"), ("sourceLocationOverride", "location"))
        if key in parameters
    }
    group = (
        project.get("logsConfig", {}).get("cloudWatchLogs", {}).get("groupName", f"/aws/codebuild/{project['name']}")
    )
    return {
        "id": build,
        "arn": _arn("build", build),
        "buildNumber": number,
        "projectName": project["name"],
        "startTime": time.time(),
        "currentPhase": "QUEUED",
        "buildStatus": "IN_PROGRESS",
        "buildComplete": False,
        "phases": [],
        "source": source,
        "environment": environment,
        "serviceRole": project["serviceRole"],
        "timeoutInMinutes": project.get("timeoutInMinutes", 60),
        "logs": {"groupName": group, "streamName": build.rpartition(":")[2]},
        "token": parameters.get("idempotencyToken", ""),
    }


def get_builds(parameters: dict[str, Any]) -> dict[str, Any]:
    """Return builds by id."""
    found = {build: _builds.get(build) for build in parameters["ids"]}
    return {
        "builds": [_shown(record) for record in found.values() if record is not None],
        "buildsNotFound": [build for build, record in found.items() if record is None],
    }


def list_builds(parameters: dict[str, Any]) -> dict[str, Any]:
    """Return the ids of a project's builds, the newest first unless asked otherwise."""
    _project(parameters["projectName"])
    mine = [record for record in _builds.values() if record["projectName"] == parameters["projectName"]]
    newest_first = parameters.get("sortOrder", "DESCENDING") == "DESCENDING"
    mine.sort(key=lambda record: float(record["startTime"]), reverse=newest_first)
    return {"ids": [record["id"] for record in mine]}


def interrupt_running() -> None:
    """Say of builds that ran when the emulator was stopped that they failed: nothing runs them any more."""
    for _, record in _builds.every():
        if record["buildStatus"] == "IN_PROGRESS":
            record |= {"buildStatus": "FAULT", "buildComplete": True, "currentPhase": "COMPLETED"}


def _shown(record: Record) -> Record:
    return {key: value for key, value in record.items() if key != "token"}


def _lowered(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {
            "buildspec" if key == "BuildSpec" else key[:1].lower() + key[1:]: _lowered(item)
            for key, item in value.items()
        }
    return [_lowered(item) for item in value] if isinstance(value, list) else value


class ProjectHandler:
    """AWS::CodeBuild::Project. Ref is its name."""

    def create(self, logical_id: str, props: Properties, stack_name: str) -> Created:
        """Make the project. Raises ValueError when it is refused."""
        name = str(props.get("Name") or f"{logical_id}-{suffix(stack_name, logical_id)}")
        return self._call(create_project, name, props)

    def _call(self, operation: Any, name: str, props: Properties) -> Created:
        parameters = _lowered({key: value for key, value in props.items() if key not in ("Name", "Tags")})
        numbers = ("timeoutInMinutes", "queuedTimeoutInMinutes", "concurrentBuildLimit")
        parameters |= {key: int(parameters[key]) for key in numbers if key in parameters}
        try:
            operation({**parameters, "name": name})
        except ApiError as error:
            code = "AlreadyExists" if error.code == "ResourceAlreadyExistsException" else "InvalidRequest"
            raise HandlerFailed(str(error), code) from error
        return name, {"Arn": _arn("project", name)}

    def update(self, physical_id: str, old: Properties, new: Properties, stack_name: str) -> Created:
        """Change the project; under another name it is another one."""
        if new.get("Name") not in (None, physical_id):
            return self.create("", new, stack_name)
        return self._call(update_project, physical_id, new)

    def delete(self, physical_id: str, props: Properties) -> None:
        """Remove the project."""
        delete_project({"name": physical_id})


HANDLERS: Mapping[str, ResourceHandler] = {"AWS::CodeBuild::Project": ProjectHandler()}
APIS = {
    "codebuild": JsonApi(
        "codebuild",
        {
            "BatchGetBuilds": get_builds,
            "BatchGetProjects": get_projects,
            "CreateProject": create_project,
            "DeleteProject": delete_project,
            "ListBuildsForProject": list_builds,
            "StartBuild": start_build,
            "UpdateProject": update_project,
        },
    )
}
