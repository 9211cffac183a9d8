"""The main job through the real command line: deployed, proved, called, changed, stopped, resumed, removed.

The tests of this file are one story and run in their order.
"""

import json
import os
import re
import shlex
import signal
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric import rsa

from deployer.client_configurations import CLIENTS, PROXY, Gateway
from deployer.client_scripts import LANGGRAPH, STRANDS
from deployer.connect_page import FRAMEWORKS_VARIABLE, PROGRAM_VARIABLE
from deployer.connection_check import usable_tools
from deployer.errors import RefusedError
from deployer.network import send
from deployer.tokens import Issuer, client_token
from tests.attacks.requests import HEADERS, LIST, Sent, Signer, Tokens, requests_by_name
from tests.attacks.table import ATTACKS, GATEWAY, LOAD_BALANCER, SIGNATURE_ATTACKS, TOKEN_ATTACKS
from tests.end_to_end.running import ACCOUNT, HOST, REGION, ROOT, Done, Project
from tests.end_to_end.started_clients import Desk
from tests.end_to_end.steady_load import steady_load
from tests.portal.parsed import parsed

TARGET = f"{ACCOUNT}/{REGION}"
LAYERS = [
    "name",
    "certificate",
    "stranger at the load balancer",
    "stranger at the gateway",
    "health",
    "tools through the load balancer",
    "tool access",
    "tools through the gateway",
    "tool call",
]


@pytest.fixture(scope="module")
def deployed(project: Project) -> Done:
    done = project.run("deploy", "--output", "json")
    assert done.status == 0, f"{done.err}\n{done.out}"
    return done


def test_deploy_ends_with_every_row_passed(deployed: Done) -> None:
    document = deployed.document
    assert document["changed"] is True
    assert document["uploaded"] == 12
    assert {row["passed"] for row in document["preflight"]} == {True}
    rows = document["verification"][TARGET]
    assert [row["layer"] for row in rows] == LAYERS
    assert [row["passed"] for row in rows] == [True] * len(LAYERS)
    assert {row["evidence"] for row in rows} <= {"called", "observed", "cited", "stand-in"}
    strangers = [row for row in rows if row["layer"].startswith("stranger")]
    assert {row["evidence"] for row in strangers} == {"stand-in"}


def test_deploy_says_what_the_tasks_are_here_and_why(project: Project, deployed: Done) -> None:
    told = "2 as process, without the task's limits: the image holds only the source"
    assert deployed.document["tasks"] == told
    assert project.json("local")["tasks"] == told


def test_progress_goes_to_standard_error_as_plain_lines(deployed: Done) -> None:
    lines = deployed.err.splitlines()
    steps = [line[2:].partition(":")[0] for line in lines if line.startswith("✓ ")]
    wanted = ["Local AWS", "Lint", "Preflight", "Foundation", "Image", "Package", "Stack set"]
    assert [step for step in steps if step in wanted] == wanted
    assert "\x1b" not in deployed.err
    assert json.loads(deployed.out)


def test_second_deploy_changes_nothing_and_says_so(project: Project, deployed: Done) -> None:
    operations, objects = project.operations(), project.objects()
    document = project.json("deploy")
    assert (document["changed"], document["uploaded"]) == (False, 0)
    assert document["template_url"] == deployed.document["template_url"]
    assert document["image_digest"] == deployed.document["image_digest"]
    assert project.operations() == operations
    assert project.objects() == objects
    told = project.run("deploy")
    assert told.status == 0
    assert "Nothing changed." in told.out
    assert "= Package: every template was there already" in told.err
    assert "= Stack set" in told.err


def test_package_names_the_root_that_is_deployed(project: Project, deployed: Done) -> None:
    document = project.json("package")
    assert document["template_url"] == deployed.document["template_url"]
    assert document["uploaded"] == []
    assert project.run("package").out.splitlines()[0] == document["template_url"]


def test_uploaded_root_is_the_checked_in_template_with_its_children_s_urls(project: Project, deployed: Done) -> None:
    url = deployed.document["template_url"]
    bucket, key = url.removeprefix("https://").split(".")[0], url.partition(".com/")[2]
    held = yaml.safe_load(project.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read())
    checked_in = yaml.safe_load((ROOT / "templates" / "runtime.yaml").read_text(encoding="utf-8"))
    for title, resource in checked_in["Resources"].items():
        assert held["Resources"][title]["Properties"].pop("TemplateURL").startswith(f"https://{bucket}.s3.{REGION}.")
        del resource["Properties"]["TemplateURL"]
    assert held["Resources"] == checked_in["Resources"]
    assert held["Outputs"] == checked_in["Outputs"]


def test_echo_answers_through_the_gateway(project: Project, deployed: Done) -> None:
    told = project.run("invoke", "echo", "message=hello")
    assert (told.status, told.out) == (0, "hello\n")
    document = project.json("invoke", "echo", '{"message": "a b"}')
    assert document["text"] == "a b"
    assert document["is_error"] is False


def test_two_tasks_answer(project: Project, deployed: Done) -> None:
    seen = {project.json("invoke", "get_system_info")["text"] for _ in range(2)}
    assert seen
    found = project.outputs()
    (service,) = project.client("ecs").describe_services(cluster=found["ClusterName"], services=[found["ServiceName"]])[
        "services"
    ]
    assert (service["runningCount"], service["desiredCount"]) == (2, 2)


@pytest.mark.parametrize(
    ("words", "status", "sentence"),
    [
        (["invoke", "absent"], 1, "absent"),
        (["invoke", "echo", "hello"], 2, "'hello' is no argument; write name=value"),
        (
            ["invoke", "echo", "message=x", "--target", "1/2"],
            2,
            f"There is no target 1/2 that these credentials reach; there are: {TARGET}.",
        ),
    ],
)
def test_call_that_cannot_be_made_is_explained(
    project: Project, deployed: Done, words: list[str], status: int, sentence: str
) -> None:
    done = project.run(*words)
    assert done.status == status, done.out
    assert sentence in (done.error if done.out == "" else done.out)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    return Desk(tmp_path_factory.mktemp("desk"))


def test_every_client_s_file_starts_a_server_that_calls_the_gateway(
    project: Project, deployed: Done, desk: Desk, tmp_path: Path
) -> None:
    entries = []
    for client in (client for client in CLIENTS if client.key):
        where = ["--write", str(tmp_path)] if client.file else []
        done = project.run("connect", "--client", client.name, *where, "--output", "json")
        assert project.emulator["secret_access_key"] not in done.out + done.err
        (step,) = [step for step in done.document["steps"] if step["language"] == "json"]
        text = (tmp_path / client.file).read_text(encoding="utf-8") if client.file else step["text"]
        assert json.loads(text) == json.loads(step["text"])
        assert done.document["target"] == TARGET
        entries.append(json.loads(text)[client.key]["mcp-runtime"])
    started = {json.dumps([Path(entry["command"]).name, entry["args"], entry["env"]]) for entry in entries}
    assert len(started) == 1, "each client starts the same, so that one that is started stands for all"
    names, text = desk.served(entries[0], "mcp___echo", {"message": "hello"})
    assert {"mcp___echo", "mcp___get_system_info"} <= names
    assert text == "hello"
    (command,) = [
        step["command"]
        for step in project.json("connect", "--client", PROXY)["steps"]
        if "command" in step and "--service" in step["command"]
    ]
    assert shlex.split(command)[-len(entries[0]["args"]) :] == entries[0]["args"]


def test_whom_the_gateway_does_not_let_in_is_told_before_anything_is_written(
    project: Project, deployed: Done, tmp_path: Path
) -> None:
    document = project.json("connect", "--client", "kiro", "--check", "--write", str(tmp_path))
    assert "mcp___echo" in document["tools"]
    credentials = tmp_path / "credentials"
    secret = project.emulator["secret_access_key"]
    credentials.write_text(f"[other]\naws_access_key_id = 222222222222\naws_secret_access_key = {secret}\n")
    gateway = Gateway(
        document["url"], REGION, "tools", {}, policy="arn:p", profile="other", credentials=str(credentials)
    )
    sentence = "does not let in the profile other (HTTP status 403): attach the policy arn:p"
    with pytest.raises(RefusedError, match=re.escape(sentence)):
        usable_tools(gateway)


def connected_program(project: Project, client: str, folder: Path) -> tuple[Path, dict[str, str]]:
    """Has a client's program written and returns it, with the environment that its command has in front."""
    document = project.json("connect", "--client", client, "--write", str(folder))
    (file,) = document["written"]
    (command,) = [step["command"] for step in document["steps"] if step["title"].startswith("Call one")]
    words = shlex.split(command)
    return Path(file), dict(word.split("=", 1) for word in words[: words.index("uv")])


def test_the_python_program_runs_as_it_is_written(project: Project, deployed: Done, desk: Desk, tmp_path: Path) -> None:
    program, environment = connected_program(project, "python", tmp_path)
    assert project.emulator["secret_access_key"] not in program.read_text(encoding="utf-8")
    listed = desk.run(sys.executable, program, folder=tmp_path, **environment)
    assert {"mcp___echo", "mcp___get_system_info"} <= set(listed.splitlines())
    called = desk.run(sys.executable, program, "mcp___echo", '{"message": "hello"}', folder=tmp_path, **environment)
    assert called == "hello\n"


@pytest.mark.parametrize("client", ["strands", "langgraph"])
def test_the_frameworks_programs_run_where_the_frameworks_are(
    project: Project, deployed: Done, desk: Desk, tmp_path: Path, client: str
) -> None:
    python = os.environ.get(FRAMEWORKS_VARIABLE)
    if not python:
        pytest.skip(f"{FRAMEWORKS_VARIABLE} names no Python with {STRANDS} and {' and '.join(LANGGRAPH)}")
    program, environment = connected_program(project, client, tmp_path)
    assert "mcp___echo" in desk.run(python, program, folder=tmp_path, **environment).splitlines()
    called = desk.run(python, program, "mcp___echo", '{"message": "hello"}', folder=tmp_path, **environment)
    assert called == "hello\n"


def test_claude_code_takes_its_command_and_connects(
    project: Project, deployed: Done, desk: Desk, tmp_path: Path
) -> None:
    program = os.environ.get(PROGRAM_VARIABLE)
    if not program:
        pytest.skip(f"{PROGRAM_VARIABLE} names no program of Claude Code")
    document = project.json("connect", "--client", "claude-code")
    (command,) = [step["command"] for step in document["steps"] if step["title"] == "Add the server"]
    _, *words = shlex.split(command)
    quiet = {"DISABLE_AUTOUPDATER": "1", "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1"}
    desk.run(program, *words, folder=tmp_path, **quiet)
    assert project.json("connect", "--client", "claude-code", "--write", str(tmp_path))["written"] == {
        str(tmp_path / ".mcp.json"): "unchanged"
    }
    # A project's server waits for a person's approval; a user's does not.
    (tmp_path / ".mcp.json").unlink()
    desk.run(program, *("user" if word == "project" else word for word in words), folder=tmp_path, **quiet)
    assert "Connected" in desk.run(program, "mcp", "list", folder=tmp_path, **quiet)


@pytest.mark.parametrize("authorization", [{}, {"authorization": "Bearer x"}, {"authorization": "Basic eDp4"}])
@pytest.mark.parametrize("path", ["/mcp", "/mcp/", "/health", "/ready", "/", "/other"])
def test_stranger_is_refused_by_the_load_balancer_on_every_path(
    project: Project, deployed: Done, authorization: dict[str, str], path: str
) -> None:
    answer = send(
        project.network, "POST", f"https://{HOST}{path}", {**authorization, "content-type": "application/json"}
    )
    assert answer.status == 401


def test_stranger_is_refused_by_the_gateway(project: Project, deployed: Done) -> None:
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/list"}).encode()
    answer = send(project.network, "POST", project.outputs()["GatewayUrl"], {"content-type": "application/json"}, body)
    assert answer.status in (401, 403)


def test_attacks_are_refused_by_the_gateway_as_the_table_says(project: Project, deployed: Done) -> None:
    url = project.outputs()["GatewayUrl"]
    signer = Signer(url, ACCOUNT, project.emulator["secret_access_key"], REGION)
    tokens = Tokens(rsa.generate_private_key(65537, 2048), "key", "https://issuer.example.com", "scope", "client")
    sent = {
        **{
            name: Sent({**HEADERS, **({"authorization": given} if given else {})}, LIST)
            for name, given in tokens.by_name().items()
        },
        **signer.by_name(),
        **{name: signer.signed(one.body) for name, one in requests_by_name().items()},
    }
    asked = [attack for attack in ATTACKS if attack.cells[GATEWAY].status is not None]
    assert len(asked) >= len(TOKEN_ATTACKS) + len(SIGNATURE_ATTACKS) + 5
    assert send(project.network, "POST", url, *_request(signer.signed(LIST))).status == 200
    for attack in asked:
        answer = send(project.network, "POST", url, *_request(sent[attack.name]))
        cell = attack.cells[GATEWAY]
        assert answer.status == cell.status, (attack.name, answer)
        if cell.code is not None:
            assert json.loads(answer.body)["error"]["code"] == cell.code, attack.name


def test_foreign_host_name_is_no_rule_of_the_load_balancer_even_with_a_token(project: Project, deployed: Done) -> None:
    outputs = project.outputs()
    issuer = Issuer(outputs["TokenIssuer"], outputs["ClientSecretArn"], outputs["TokenScope"])
    authorization = f"Bearer {client_token(project.network, project.client('secretsmanager'), issuer)}"
    foreign = next(attack for attack in ATTACKS if attack.name == "a foreign host name")
    given = requests_by_name()[foreign.name]
    url = f"https://{HOST}/mcp"
    own = {name: value for name, value in given.headers.items() if name != "host"}
    assert send(project.network, "POST", url, {**own, "authorization": authorization}, given.body).status == 200
    answer = send(project.network, "POST", url, {**given.headers, "authorization": authorization}, given.body)
    assert answer.status == foreign.cells[LOAD_BALANCER].status


def _request(sent: Sent) -> tuple[dict[str, str], bytes]:
    return dict(sent.headers), sent.body


def test_status_tells_stacks_rollout_health_and_target(project: Project, deployed: Done) -> None:
    (target,) = project.json("status")["targets"]
    facts = {fact["subject"].strip(): fact["state"] for fact in target["facts"]}
    assert facts["stack"] == "CREATE_COMPLETE"
    nested = {subject: state for subject, state in facts.items() if subject.endswith("Stack")}
    assert len(nested) >= 7
    assert set(nested.values()) == {"CREATE_COMPLETE"}
    assert facts["service"] == "2 of 2 tasks running"
    assert facts["targets"] == "2 healthy"
    assert facts["gateway target"] == "READY"
    told = project.run("status").out
    assert f"{ACCOUNT} {REGION}" in told
    row = [ACCOUNT, REGION, "CREATE_COMPLETE", "2 of 2 tasks running", "READY"]
    assert any(re.split(r"\s{2,}", line.strip()) == row for line in told.splitlines())


def test_status_of_a_target_that_is_none_names_those_that_are(project: Project, deployed: Done) -> None:
    done = project.run("status", "--target", f"{ACCOUNT}/eu-west-1")
    assert done.status == 2
    assert f"is no target of the stack set mcp-runtime; its targets are {TARGET}." in done.error


def test_watched_status_is_one_document_a_line_until_interrupted(project: Project, deployed: Done) -> None:
    with project.begin("status", "--watch", "1", "--output", "json") as watching:
        assert watching.stdout is not None
        documents = [json.loads(watching.stdout.readline()) for _ in range(2)]
        watching.send_signal(signal.SIGINT)
        assert watching.wait() == 0
    assert {document["targets"][0]["facts"][0]["state"] for document in documents} == {"CREATE_COMPLETE"}


def test_drift_finds_what_was_changed_by_hand_in_a_nested_stack(project: Project, deployed: Done) -> None:
    untouched = project.run("drift", "--output", "json")
    assert untouched.status == 0, untouched.out
    (found,) = untouched.document["targets"]
    assert (found["status"], found["depth"], found["resources"]) == ("IN_SYNC", "nested stacks", [])
    (group,) = [
        one["logGroupName"]
        for one in project.client("logs").describe_log_groups()["logGroups"]
        if one["logGroupName"] == project.outputs()["LogGroupName"]
    ]
    logs = project.client("logs")
    logs.put_retention_policy(logGroupName=group, retentionInDays=1)
    done = project.run("drift", "--target", TARGET, "--output", "json")
    assert done.status == 3
    ((changed,),) = [target["resources"] for target in done.document["targets"]]
    assert (changed["resource_type"], changed["status"]) == ("AWS::Logs::LogGroup", "MODIFIED")
    (difference,) = changed["differences"]
    assert (difference["path"], difference["expected"], difference["actual"]) == ("/RetentionInDays", "7", "1")
    assert "LogGroup" in project.run("drift").out
    logs.put_retention_policy(logGroupName=group, retentionInDays=7)


def test_verify_prints_each_layer_with_its_evidence(project: Project, deployed: Done) -> None:
    told = project.run("verify")
    assert told.status == 0
    for layer in LAYERS:
        assert layer.split()[0] in told.out
    assert "stand-in" in told.out
    assert "FAILED" not in told.out
    assert max(map(len, told.out.splitlines())) <= 100


def test_portal_shows_what_stands_without_a_secret(project: Project, deployed: Done) -> None:
    document = project.json("portal", "--verify", "--file", str(project.folder / "portal.html"))
    assert document["local"] is True
    assert [part["included"] for part in document["parts"].values()] == [True, True, True]
    text = (project.folder / "portal.html").read_text(encoding="utf-8")
    sections = {next(one.every("h2")).text: one for one in parsed(text).every("section")}
    for word in (*LAYERS, "CREATE_COMPLETE", "2 of 2 tasks running", "READY", "stand-in"):
        assert word in sections["Status"].text
    assert project.outputs()["GatewayUrl"] in sections["Connect"].text
    assert f"has a runtime in {ACCOUNT} {REGION} already" in sections["Launch"].text
    found: Any = project.client("secretsmanager").get_secret_value(SecretId=project.outputs()["ClientSecretArn"])
    assert json.loads(found["SecretString"])["client_secret"] not in text
    assert project.emulator["secret_access_key"] not in text


def test_rolling_restart_under_load_loses_no_call(project: Project, deployed: Done) -> None:
    ecs = project.client("ecs")
    (cluster,) = ecs.list_clusters()["clusterArns"]
    (service,) = ecs.list_services(cluster=cluster)["serviceArns"]
    before = set(ecs.list_tasks(cluster=cluster, serviceName=service)["taskArns"])
    outputs = project.outputs()
    issuer = Issuer(outputs["TokenIssuer"], outputs["ClientSecretArn"], outputs["TokenScope"])
    token = client_token(project.network, project.client("secretsmanager"), issuer)
    with steady_load(project.network, HOST, token, agents=8) as answers:
        ecs.update_service(cluster=cluster, service=service, forceNewDeployment=True)
        until = time.monotonic() + 120
        replaced = False
        while time.monotonic() < until and not (replaced and answers.count >= 2000):
            tasks = set(ecs.list_tasks(cluster=cluster, serviceName=service, desiredStatus="RUNNING")["taskArns"])
            (told,) = ecs.describe_services(cluster=cluster, services=[service])["services"]
            replaced = not tasks & before and [one["rolloutState"] for one in told["deployments"]] == ["COMPLETED"]
            time.sleep(0.2)
    assert replaced
    assert not answers.wrong, answers.wrong
    assert answers.count >= 2000


def test_nothing_secret_is_shown(project: Project, deployed: Done) -> None:
    found: Any = project.client("secretsmanager").get_secret_value(SecretId=project.outputs()["ClientSecretArn"])
    secret = json.loads(found["SecretString"])["client_secret"]
    assert len(secret) > 20
    key = project.emulator["secret_access_key"]
    for done in (deployed, project.run("status"), project.run("verify", "--verbose"), project.run("package")):
        for text in (done.out, done.err):
            assert secret not in text
            assert key not in text


def gateway_target(project: Project) -> dict[str, Any]:
    outputs = project.outputs()
    client = project.client("bedrock-agentcore-control")
    found: dict[str, Any] = client.get_gateway_target(
        gatewayIdentifier=outputs["GatewayId"], targetId=outputs["GatewayTargetId"]
    )
    return found


def test_change_reaches_the_target_in_place(project: Project, deployed: Done) -> None:
    before = project.outputs()
    listed = gateway_target(project)["lastSynchronizedAt"]
    project.configure(("max_tasks = 4 ", "max_tasks = 3 "))
    document = project.json("deploy")
    assert (document["changed"], document["uploaded"]) == (True, 0)
    assert [row["passed"] for row in document["verification"][TARGET]] == [True] * len(LAYERS)
    after = document["targets"][0]["outputs"]
    assert after["GatewayId"] == before["GatewayId"]
    assert after["LoadBalancerArn"] == before["LoadBalancerArn"]
    scaling = project.client("application-autoscaling").describe_scalable_targets(ServiceNamespace="ecs")
    assert [(one["MinCapacity"], one["MaxCapacity"]) for one in scaling["ScalableTargets"]] == [(2, 3)]
    assert project.json("deploy")["changed"] is False
    # The contract is the same, so that the gateway was not made to list it anew.
    assert gateway_target(project)["lastSynchronizedAt"] == listed


def test_tools_are_pinned_to_what_was_packaged_and_discovered_again(project: Project, deployed: Done) -> None:
    project.configure(("max_tasks = 4 ", "max_tasks = 3 "), ('tool_listing = "discovered"', 'tool_listing = "pinned"'))
    rows = project.json("deploy")["verification"][TARGET]
    assert [row["passed"] for row in rows] == [True] * len(LAYERS)
    (told,) = [row["detail"] for row in rows if row["layer"] == "tools through the gateway"]
    assert "pinned to the packaged tool schema" in told

    target = gateway_target(project)
    schema = target["targetConfiguration"]["mcp"]["mcpServer"]["mcpToolSchema"]["s3"]
    assert schema["bucketOwnerAccountId"] == ACCOUNT
    bucket, _, key = schema["uri"].removeprefix("s3://").partition("/")
    held = json.loads(project.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read())
    assert [tool["name"] for tool in held["tools"]] == ["echo", "get_system_info"]
    control = project.client("bedrock-agentcore-control")
    with pytest.raises(control.exceptions.ValidationException):
        control.synchronize_gateway_targets(
            gatewayIdentifier=project.outputs()["GatewayId"], targetIdList=[target["targetId"]]
        )
    (status,) = project.json("status")["targets"]
    facts = {fact["subject"].strip(): fact["detail"] for fact in status["facts"]}
    assert facts["gateway target"] == f"tools pinned to {schema['uri']}"

    project.configure(("max_tasks = 4 ", "max_tasks = 3 "))
    assert project.json("deploy")["changed"] is True
    assert "mcpToolSchema" not in gateway_target(project)["targetConfiguration"]["mcp"]["mcpServer"]


def record_other_tools(project: Project) -> None:
    """Makes the record of the last synchronization one of another contract."""
    (place,) = [name for name in project.objects() if "/synchronized/" in name]
    bucket, _, key = place.partition("/")
    s3 = project.client("s3")
    record = json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
    s3.put_object(Bucket=bucket, Key=key, Body=json.dumps({**record, "tools": "sha256:other"}).encode())


def test_override_of_the_target_reaches_it_and_can_be_taken_back(project: Project, deployed: Done) -> None:
    project.configure(
        ("max_tasks = 4 ", "max_tasks = 3 "),
        ('region = "us-east-1"', 'region = "us-east-1"\noverrides.compute.max_tasks = 5'),
    )
    record_other_tools(project)
    listed = gateway_target(project)["lastSynchronizedAt"]
    assert project.json("deploy")["changed"] is True
    # What the gateway listed last were other tools, so that it was made to list them anew.
    assert gateway_target(project)["lastSynchronizedAt"] > listed
    scaling = project.client("application-autoscaling")

    def most() -> list[int]:
        found = scaling.describe_scalable_targets(ServiceNamespace="ecs")["ScalableTargets"]
        return [one["MaxCapacity"] for one in found]

    assert most() == [5]
    assert project.json("deploy")["changed"] is False
    project.configure(("max_tasks = 4 ", "max_tasks = 3 "))
    assert project.json("deploy")["changed"] is True
    assert most() == [3]


def test_stopped_emulator_resumes_with_everything(project: Project, deployed: Done) -> None:
    before = project.outputs()
    assert project.json("local", "stop") == {"emulator": "stopped; its state is kept"}
    assert project.json("local") == {"emulator": "not running"}
    told = project.run("invoke", "echo", "message=again")
    assert (told.status, told.out) == (0, "again\n"), told.err
    assert project.outputs() == before
    assert project.json("deploy")["changed"] is False


def test_what_somebody_attached_is_named_before_anything_is_removed(project: Project, deployed: Done) -> None:
    policy = project.outputs()["CallerPolicyArn"]
    iam = project.client("iam")
    iam.create_user(UserName="agent")
    iam.attach_user_policy(UserName="agent", PolicyArn=policy)
    operations = project.operations()
    done = project.run("destroy", "--foundation", "--delete-data", "--yes")
    assert done.status == 1
    assert f"The policy {policy} of the runtime of {ACCOUNT} {REGION} is attached" in done.error
    assert done.error.endswith("detach it from: user agent. Nothing was removed.")
    assert project.operations() == operations
    iam.detach_user_policy(UserName="agent", PolicyArn=policy)


def test_destroy_removes_the_target_names_what_stays_and_is_safe_to_repeat(project: Project, deployed: Done) -> None:
    document = project.json("destroy", "--yes")
    assert document["removed"] == [f"{ACCOUNT} {REGION}", "stack set mcp-runtime"]
    (logs,) = document["retained"]
    assert document["deleted"] == []
    s3 = project.client("s3")
    assert logs in {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]}
    assert project.json("status")["targets"] == []
    control = project.client("bedrock-agentcore-control")
    assert control.list_gateways()["items"] == []
    assert project.client("elbv2").describe_load_balancers()["LoadBalancers"] == []
    stacks = project.client("cloudformation").describe_stacks()["Stacks"]
    assert [stack["StackName"] for stack in stacks if stack["StackStatus"] != "DELETE_COMPLETE"] == [
        "mcp-runtime-foundation"
    ]
    s3.put_object(Bucket=logs, Key="AWSLogs/a", Body=b"late")
    s3.create_bucket(Bucket=f"{logs[:50]}-of-others")
    again = project.json("destroy", "--delete-data", "--yes")
    assert (again["removed"], again["retained"]) == ([], [])
    assert again["deleted"] == [f"bucket {logs}"]
    left = {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]}
    assert logs not in left
    assert f"{logs[:50]}-of-others" in left
    refused = project.run("verify")
    assert refused.status == 1
    assert "There is no stack set mcp-runtime to verify; deploy first." in refused.error


def test_deployed_again_it_works_again(project: Project, deployed: Done) -> None:
    document = project.json("deploy")
    assert document["changed"] is True
    assert [row["passed"] for row in document["verification"][TARGET]] == [True] * len(LAYERS)


def test_stack_that_was_deleted_by_hand_and_all_data_go_too(project: Project, deployed: Done) -> None:
    client, s3 = project.client("cloudformation"), project.client("s3")
    (instance,) = client.list_stack_instances(StackSetName="mcp-runtime")["Summaries"]
    client.delete_stack(StackName=instance["StackId"])
    client.get_waiter("stack_delete_complete").wait(
        StackName=instance["StackId"], WaiterConfig={"Delay": 1, "MaxAttempts": 120}
    )
    (artifacts,) = [one["Name"] for one in s3.list_buckets()["Buckets"] if "foundation" in one["Name"]]
    s3.put_object(Bucket=artifacts, Key="templates/x", Body=b"1")
    s3.delete_object(Bucket=artifacts, Key="templates/x")
    document = project.json("destroy", "--foundation", "--delete-data", "--yes")
    assert document["removed"] == [
        f"{ACCOUNT} {REGION}",
        "stack set mcp-runtime",
        "mcp-runtime-foundation in us-east-1",
    ]
    assert f"bucket {artifacts}" in document["deleted"]
    assert len(document["deleted"]) == 2
    assert document["retained"] == []
    assert [one["Name"] for one in s3.list_buckets()["Buckets"] if not one["Name"].endswith("-of-others")] == []
