"""The data plane as clients meet it: names, the front, the token check, the gateway, and what is read back."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.emulator import data_templates as templates
from tests.emulator.data_runtime import (
    MODERN,
    MODERN_META,
    Signer,
    access_token,
    call_gateway,
    create,
    delete,
    prepare,
    rpc,
    send,
)
from tests.emulator.running_emulator import ACCOUNT, REGION, RunningEmulator

STACK = "whole"
LEGACY = {"mcp-protocol-version": "2025-11-25"}


@dataclass(frozen=True)
class Runtime:
    """A deployed runtime."""

    emulator: RunningEmulator
    outputs: dict[str, str]
    zone: str

    @property
    def url(self) -> str:
        return self.outputs["GatewayUrl"]


@pytest.fixture(scope="module")
def runtime(emulator: RunningEmulator) -> Iterator[Runtime]:
    zone = prepare(emulator)
    outcome = create(emulator, STACK, templates.Variation(), zone)
    assert (outcome.status, outcome.failures) == ("CREATE_COMPLETE", {})
    yield Runtime(emulator, outcome.outputs, zone)
    delete(emulator, STACK)
    assert "message" in emulator.resolve(templates.HOST)


def test_the_host_name_leads_to_the_load_balancer(runtime: Runtime) -> None:
    found = runtime.emulator.resolve(templates.HOST)

    assert found["address"] == "127.0.0.1"
    assert found["chain"][0].startswith(f"{templates.HOST} A alias → ")
    assert "elb.amazonaws.com" in found["chain"][0]


@pytest.mark.parametrize("name", ["unknown.example.com", f"nobody.auth.{REGION}.amazoncognito.com"])
def test_unknown_names_do_not_resolve(runtime: Runtime, name: str) -> None:
    assert "does not resolve" in runtime.emulator.resolve(name)["message"]


def test_plain_http_is_redirected(runtime: Runtime) -> None:
    answer = send(runtime.emulator, "GET", f"http://{templates.HOST}/some/path?a=1&b=2")

    assert answer.status_code == 301
    assert answer.headers["location"] == f"https://{templates.HOST}:443/some/path?a=1&b=2"


@pytest.mark.parametrize("path", ["/mcp", "/mcp/", "/", "/health", "/ready"])
@pytest.mark.parametrize("token", [None, "Bearer nonsense"])
def test_a_stranger_is_refused_at_every_path(runtime: Runtime, path: str, token: str | None) -> None:
    headers = {"authorization": token} if token else {}
    answer = send(runtime.emulator, "POST", f"https://{templates.HOST}{path}", headers)

    assert answer.status_code == 401


def test_a_token_opens_the_rule_and_nothing_else(runtime: Runtime) -> None:
    token = access_token(runtime.emulator, runtime.outputs, STACK)
    headers = {
        "authorization": f"Bearer {token}",
        "content-type": "application/json",
        "accept": "application/json, text/event-stream",
        **LEGACY,
    }
    base = f"https://{templates.HOST}"

    answer = send(runtime.emulator, "POST", f"{base}/mcp", headers, json.dumps(rpc("tools/list")).encode())
    assert answer.status_code == 200
    # No rule: the default action's fixed response, never the server.
    other = send(runtime.emulator, "GET", f"{base}/health", headers)
    assert (other.status_code, other.text) == (404, "none")


def test_cognito_gives_no_token_to_a_wrong_secret(runtime: Runtime) -> None:
    url = f"https://{STACK}-{ACCOUNT}.auth.{REGION}.amazoncognito.com/oauth2/token"
    form = f"grant_type=client_credentials&client_id={runtime.outputs['Client']}&client_secret=wrong".encode()
    answer = send(runtime.emulator, "POST", url, {"content-type": "application/x-www-form-urlencoded"}, form)

    assert answer.status_code == 400
    assert answer.json()["error"] == "invalid_client"


def test_the_discovery_document_names_the_domains_endpoints(runtime: Runtime) -> None:
    issuer = f"https://cognito-idp.{REGION}.amazonaws.com/{runtime.outputs['Pool']}"
    document = send(runtime.emulator, "GET", f"{issuer}/.well-known/openid-configuration").json()

    assert document["issuer"] == issuer
    assert document["jwks_uri"] == f"{issuer}/.well-known/jwks.json"
    assert document["token_endpoint"] == f"https://{STACK}-{ACCOUNT}.auth.{REGION}.amazoncognito.com/oauth2/token"
    assert send(runtime.emulator, "GET", document["jwks_uri"]).json()["keys"]


@pytest.mark.parametrize("asked", ["2025-03-26", "2025-06-18", "2025-11-25"])
def test_the_gateway_agrees_on_each_version_of_the_handshake_era(runtime: Runtime, asked: str) -> None:
    parameters = {"protocolVersion": asked, "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}
    answer = call_gateway(runtime.emulator, runtime.url, rpc("initialize", parameters)).json()["result"]

    assert answer["protocolVersion"] == asked
    assert "tools" in answer["capabilities"]


def test_an_unlisted_version_is_negotiated_or_refused(runtime: Runtime) -> None:
    parameters = {"protocolVersion": "2024-11-05", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}
    answer = call_gateway(runtime.emulator, runtime.url, rpc("initialize", parameters)).json()
    assert answer["result"]["protocolVersion"] == "2025-11-25"

    refused = call_gateway(runtime.emulator, runtime.url, rpc("ping"), headers={"mcp-protocol-version": "2024-11-05"})
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, -32022)


def test_tools_carry_the_targets_name_and_the_search_tool_is_there(runtime: Runtime) -> None:
    listed = call_gateway(runtime.emulator, runtime.url, rpc("tools/list"), headers=LEGACY).json()["result"]["tools"]

    names = {tool["name"] for tool in listed}
    assert {"main___echo", "main___get_system_info", "x_amz_bedrock_agentcore_search"} == names


def echo(message: str) -> dict[str, Any]:
    return {"name": "main___echo", "arguments": {"message": message}}


def test_a_tool_is_called_in_the_handshake_era(runtime: Runtime) -> None:
    answer = call_gateway(runtime.emulator, runtime.url, rpc("tools/call", echo("hello"), 7), headers=LEGACY).json()

    assert answer["id"] == 7
    assert "hello" in json.dumps(answer["result"]["content"])


def test_a_tool_is_called_in_the_modern_era(runtime: Runtime) -> None:
    headers = {"mcp-protocol-version": MODERN, "mcp-method": "tools/call", "mcp-name": "main___echo"}
    message = rpc("tools/call", {**echo("modern"), "_meta": MODERN_META}, 8)
    result = call_gateway(runtime.emulator, runtime.url, message, headers=headers).json()["result"]

    assert result["resultType"] == "complete"
    assert "modern" in json.dumps(result["content"])


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"mcp-method": "tools/list", "mcp-name": "main___echo"}, -32020),
        ({"mcp-method": "tools/call", "mcp-name": "main___other"}, -32020),
        ({"mcp-method": "tools/call"}, -32020),
    ],
)
def test_modern_headers_must_agree_with_the_body(runtime: Runtime, headers: dict[str, str], code: int) -> None:
    message = rpc("tools/call", {**echo("modern"), "_meta": MODERN_META})
    answer = call_gateway(runtime.emulator, runtime.url, message, headers={"mcp-protocol-version": MODERN, **headers})

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, code)


def test_the_task_reports_what_ecs_says_of_it(runtime: Runtime) -> None:
    message = rpc("tools/call", {"name": "main___get_system_info", "arguments": {}})
    text = json.dumps(call_gateway(runtime.emulator, runtime.url, message, headers=LEGACY).json()["result"])

    tasks = runtime.emulator.client("ecs").list_tasks(cluster=runtime.outputs["Cluster"])["taskArns"]
    assert any(task in text for task in tasks)
    assert f"{REGION}a" in text or f"{REGION}b" in text
    assert "per aspera" not in text


def test_search_finds_tools_by_words(runtime: Runtime) -> None:
    message = rpc("tools/call", {"name": "x_amz_bedrock_agentcore_search", "arguments": {"query": "system info"}})
    found = call_gateway(runtime.emulator, runtime.url, message, headers=LEGACY).json()["result"]["structuredContent"]

    assert found["tools"][0]["name"] == "main___get_system_info"


def test_an_unknown_tool_is_a_protocol_error(runtime: Runtime) -> None:
    answer = call_gateway(runtime.emulator, runtime.url, rpc("tools/call", {"name": "main___nothing"}), headers=LEGACY)

    assert answer.json()["error"]["code"] == -32602


@pytest.mark.parametrize(
    "signer",
    [
        None,
        Signer(secret="wrong"),
        Signer(access_key="444455556666"),
        Signer(access_key="AKIAUNKNOWNUNKNOWN00"),
        Signer(region="eu-west-1"),
        Signer(service="execute-api"),
        Signer(token="stolen"),
    ],
)
def test_the_gateway_refuses_who_may_not_call(runtime: Runtime, signer: Signer | None) -> None:
    answer = call_gateway(runtime.emulator, runtime.url, rpc("ping"), signer=signer)

    assert answer.status_code == 403
    assert "result" not in answer.text


def test_the_gateway_refuses_a_changed_body(runtime: Runtime) -> None:
    other = json.dumps(rpc("tools/call", echo("forged"))).encode()

    assert call_gateway(runtime.emulator, runtime.url, rpc("ping"), tamper=other).status_code == 403


def test_the_plain_form_asks_for_the_same_signature(runtime: Runtime) -> None:
    url = f"{runtime.emulator.gateway_base}/gateways/{runtime.outputs['Gateway']}/mcp"

    assert call_gateway(runtime.emulator, url, rpc("ping")).json()["result"] == {}
    assert call_gateway(runtime.emulator, url, rpc("ping"), signer=None).status_code == 403


def test_identity_and_resource_policies_decide(runtime: Runtime) -> None:
    iam, control = runtime.emulator.client("iam"), runtime.emulator.client("bedrock-agentcore-control")
    arn = control.get_gateway(gatewayIdentifier=runtime.outputs["Gateway"])["gatewayArn"]
    iam.create_user(UserName="caller")
    key = iam.create_access_key(UserName="caller")["AccessKey"]
    caller = Signer(access_key=key["AccessKeyId"], secret=key["SecretAccessKey"])

    def status(signer: Signer) -> int:
        return call_gateway(runtime.emulator, runtime.url, rpc("ping"), signer=signer).status_code

    def statement(effect: str, **more: Any) -> str:
        body = {"Effect": effect, "Action": "bedrock-agentcore:InvokeGateway", "Resource": arn, **more}
        return json.dumps({"Version": "2012-10-17", "Statement": [body]})

    assert status(caller) == 403
    iam.put_user_policy(UserName="caller", PolicyName="call", PolicyDocument=statement("Allow"))
    assert status(caller) == 200
    control.put_resource_policy(
        resourceArn=arn, policy=statement("Deny", Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:user/caller"})
    )
    assert (status(caller), status(Signer())) == (403, 200)
    foreign = Signer(access_key="444455556666")
    control.put_resource_policy(
        resourceArn=arn, policy=statement("Allow", Principal={"AWS": "arn:aws:iam::444455556666:root"})
    )
    assert (status(caller), status(foreign)) == (200, 200)
    control.delete_resource_policy(resourceArn=arn)
    assert status(foreign) == 403


def test_agentcore_is_read_back(runtime: Runtime) -> None:
    control = runtime.emulator.client("bedrock-agentcore-control")
    identity = runtime.outputs["Gateway"]
    gateway = control.get_gateway(gatewayIdentifier=identity)
    assert (gateway["status"], gateway["authorizerType"], gateway["gatewayUrl"]) == ("READY", "AWS_IAM", runtime.url)
    assert gateway["protocolConfiguration"]["mcp"]["streamingConfiguration"] == {"enableResponseStreaming": True}

    (target,) = control.list_gateway_targets(gatewayIdentifier=identity)["items"]
    read = control.get_gateway_target(gatewayIdentifier=identity, targetId=target["targetId"])
    assert (read["status"], read["name"]) == ("READY", "main")
    begun = control.synchronize_gateway_targets(gatewayIdentifier=identity, targetIdList=[target["targetId"]])
    assert begun["targets"][0]["status"] == "SYNCHRONIZING"

    provider = control.get_oauth2_credential_provider(name=f"{STACK}-provider")
    assert provider["clientSecretSource"] == "EXTERNAL"
    assert "client_secret" not in json.dumps(provider["oauth2ProviderConfigOutput"])
    (limit,) = control.list_gateway_rate_limits(gatewayIdentifier=identity)["rateLimits"]
    assert limit["entries"][0]["requests"] == [{"rate": 100.0, "period": "second"}]
    with pytest.raises(control.exceptions.ValidationException, match="targets associated"):
        control.delete_gateway(gatewayIdentifier=identity)


def pinned(tools: object, place: str = "inlinePayload") -> dict[str, Any]:
    schema = {"inlinePayload": json.dumps(tools)} if place == "inlinePayload" else {"s3": tools}
    return {"mcp": {"mcpServer": {"endpoint": "https://nobody.example.com/mcp", "mcpToolSchema": schema}}}


def made_target(control: Any, gateway: str, configuration: dict[str, Any]) -> dict[str, Any]:
    """Make a target beside the others, wait until it is settled, and remove it; return how it was read back."""
    target = control.create_gateway_target(gatewayIdentifier=gateway, name="pinned", targetConfiguration=configuration)[
        "targetId"
    ]
    while True:
        read: dict[str, Any] = control.get_gateway_target(gatewayIdentifier=gateway, targetId=target)
        if read["status"] != "CREATING":
            break
    with pytest.raises(control.exceptions.ValidationException, match="cannot be synchronized"):
        control.synchronize_gateway_targets(gatewayIdentifier=gateway, targetIdList=[target])
    control.delete_gateway_target(gatewayIdentifier=gateway, targetId=target)
    return read


def test_a_pinned_target_takes_its_tools_from_the_document_and_asks_no_server(runtime: Runtime) -> None:
    control, s3 = runtime.emulator.client("bedrock-agentcore-control"), runtime.emulator.client("s3")
    document = {"tools": [{"name": "one", "description": "One.", "inputSchema": {"type": "object"}}]}
    s3.create_bucket(Bucket="schemas")
    s3.put_object(Bucket="schemas", Key="a/tools.json", Body=json.dumps(document).encode())
    location = {"uri": "s3://schemas/a/tools.json", "bucketOwnerAccountId": ACCOUNT}
    for configuration in (pinned(document), pinned(location, "s3")):
        read = made_target(control, runtime.outputs["Gateway"], configuration)
        assert (read["status"], read["targetConfiguration"]) == ("READY", configuration)
        assert "lastSynchronizedAt" not in read


@pytest.mark.parametrize(
    ("configuration", "told"),
    [
        (pinned([{"name": "one"}]), "no object with a list of tools"),
        (pinned({"tools": [{"name": "one", "description": "One."}]}), "lacks its name, description or inputSchema"),
        (
            pinned({"tools": [{"name": "a", "description": "A.", "inputSchema": {"type": "object", "default": {}}}]}),
            "has the keyword default",
        ),
        (pinned({"uri": "s3://schemas/gone.json"}, "s3"), "cannot be read"),
        (pinned({"uri": "s3://schemas/a/tools.json", "bucketOwnerAccountId": "9" * 12}, "s3"), "cannot be read"),
    ],
)
def test_a_document_that_agentcore_would_not_take_fails_the_target(
    runtime: Runtime, configuration: dict[str, Any], told: str
) -> None:
    control = runtime.emulator.client("bedrock-agentcore-control")
    read = made_target(control, runtime.outputs["Gateway"], configuration)
    assert read["status"] == "FAILED" and told in read["statusReasons"][0]


def test_the_gateway_refuses_what_is_beyond_a_rate_limit(runtime: Runtime) -> None:
    control = runtime.emulator.client("bedrock-agentcore-control")
    identity = runtime.outputs["Gateway"]
    made = control.create_gateway_rate_limit(
        gatewayIdentifier=identity,
        dimensionKeys=["toolName"],
        entries=[{"dimensions": {"toolName": "main___echo"}, "requests": [{"period": "minute", "rate": 0}]}],
    )
    call = rpc("tools/call", {"name": "main___echo", "arguments": {"message": "x"}})
    try:
        refused = call_gateway(runtime.emulator, runtime.url, call, headers=LEGACY)
        listed = call_gateway(runtime.emulator, runtime.url, rpc("tools/list"), headers=LEGACY)
    finally:
        control.delete_gateway_rate_limit(gatewayIdentifier=identity, rateLimitId=made["rateLimitId"])
    assert refused.status_code == 429
    assert made["rateLimitId"] in refused.json()["error"]["message"]
    assert listed.status_code == 200
    assert call_gateway(runtime.emulator, runtime.url, call, headers=LEGACY).json()["result"]["isError"] is False


def test_the_token_check_of_a_listener_is_read_back(runtime: Runtime) -> None:
    elb = runtime.emulator.client("elbv2")
    (balancer,) = elb.describe_load_balancers()["LoadBalancers"]
    listeners = elb.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]
    secure = next(listener for listener in listeners if listener["Protocol"] == "HTTPS")

    check = next(action for action in secure["DefaultActions"] if action["Type"] == "jwt-validation")
    assert check["JwtValidationConfig"] == {
        "Issuer": f"https://cognito-idp.{REGION}.amazonaws.com/{runtime.outputs['Pool']}",
        "JwksEndpoint": f"https://cognito-idp.{REGION}.amazonaws.com/{runtime.outputs['Pool']}/.well-known/jwks.json",
        "AdditionalClaims": [
            {"Format": "space-separated-values", "Name": "scope", "Values": [templates.SCOPE]},
        ],
    }


def test_ecs_target_health_and_logs_are_read_back(runtime: Runtime) -> None:
    ecs, elb, logs = (runtime.emulator.client(name) for name in ("ecs", "elbv2", "logs"))
    cluster = runtime.outputs["Cluster"]
    (service,) = ecs.describe_services(cluster=cluster, services=[runtime.outputs["Service"]])["services"]
    assert (service["desiredCount"], service["runningCount"]) == (1, 1)
    assert service["deployments"][0]["rolloutState"] == "COMPLETED"

    (health,) = elb.describe_target_health(TargetGroupArn=runtime.outputs["Group"])["TargetHealthDescriptions"]
    assert health["TargetHealth"]["State"] == "healthy"
    (stream,) = logs.describe_log_streams(logGroupName=f"/{STACK}/server")["logStreams"]
    assert stream["logStreamName"].startswith("task/server/")
    events = logs.get_log_events(logGroupName=f"/{STACK}/server", logStreamName=stream["logStreamName"])["events"]
    assert any("listening" in event["message"] for event in events)
    assert not any("per aspera" in event["message"] for event in events)


def test_another_region_is_recorded_only_and_says_so(runtime: Runtime) -> None:
    region = "eu-west-1"
    elsewhere = create(runtime.emulator, "elsewhere", templates.Variation(named=False), runtime.zone, region)
    assert (elsewhere.status, elsewhere.failures) == ("CREATE_COMPLETE", {})

    (service,) = runtime.emulator.client("ecs", region=region).describe_services(
        cluster=elsewhere.outputs["Cluster"], services=[elsewhere.outputs["Service"]]
    )["services"]
    assert any("data plane not started" in event["message"] for event in service["events"])
    control = runtime.emulator.client("bedrock-agentcore-control", region=region)
    gateway = elsewhere.outputs["Gateway"]
    (target,) = control.list_gateway_targets(gatewayIdentifier=gateway)["items"]
    reasons = control.get_gateway_target(gatewayIdentifier=gateway, targetId=target["targetId"])["statusReasons"]
    assert "Not connected" in reasons[0]
    delete(runtime.emulator, "elsewhere", region)


@pytest.mark.parametrize("accept", ["application/json, text/event-stream", "application/json"])
def test_a_streamed_answer_arrives_whole(runtime: Runtime, accept: str) -> None:
    message = rpc("tools/call", {**echo("streamed"), "_meta": {"progressToken": "p"}}, 9)
    answer = call_gateway(runtime.emulator, runtime.url, message, headers={**LEGACY, "accept": accept})

    assert answer.status_code == 200
    assert answer.headers["content-type"].partition(";")[0] in accept
    assert "streamed" in answer.text
