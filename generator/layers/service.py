"""The service: two to four Fargate tasks that run the MCP server, and their scaling."""

from dataclasses import dataclass

from awacs import ecr as ecr_actions
from awacs import logs as logs_actions
from awacs import secretsmanager as secretsmanager_actions
from awacs import xray as xray_actions
from troposphere import AWSHelperFn, Join, NoValue, Ref, Sub, cloudwatch, ecs, iam, logs, secretsmanager
from troposphere import applicationautoscaling as scaling

from generator import conditions as c
from generator import parameters as p
from generator import protection, serving
from generator.alarms import described
from generator.composition import Layer, Scope, Value, after, wire, wire_list
from generator.layers.network import EMPTY_SUBNETS_REFUSED
from generator.policies import allow, policy, regional_arn, trust
from generator.presets import (
    SERVER_TOKEN_CHECKS,
    SPOT_SHARES,
    TASK_CPU,
    TASK_MEMORY,
    TASK_MEMORY_BESIDE_COLLECTOR,
)
from generator.runbook import entry_of

SCALE_IN_COOLDOWN_SECONDS = 300
SCALE_OUT_COOLDOWN_SECONDS = 60


@dataclass(frozen=True)
class Inputs:
    """Where the tasks run and behind what."""

    private_subnet_ids: Value = wire_list("Subnets for the tasks.")
    task_security_group_id: Value = wire("Security group of the tasks.")
    host_name: Value = wire("Host name of the runtime; empty without an endpoint.")
    target_group_arn: Value = wire("ARN of the tasks' target group.")
    target_group_full_name: Value = wire("Last part of the target group's ARN, as metrics name it.")
    load_balancer_full_name: Value = wire("Last part of the load balancer's ARN, as metrics name it.")
    endpoint_url: Value = wire("URL of the MCP endpoint; empty without an endpoint.")
    issuer: Value = wire("Issuer (iss) of valid tokens.")
    jwks_url: Value = wire("URL of the issuer's public keys.")
    scope: Value = wire("Scope that valid tokens carry.")
    client_id: Value = wire("Id of the gateway's client.")


@dataclass(frozen=True)
class Outputs:
    """What the gateway waits for and what the alarms watch."""

    cluster_name: Value = wire("Name of the ECS cluster.")
    service_name: Value = wire("Name of the ECS service.")
    log_group_name: Value = wire("Log group of the server.")
    served_endpoint_url: Value = wire("URL of the MCP endpoint, once tasks answer there; empty without an endpoint.")


def build(scope: Scope, inputs: Inputs) -> Outputs:
    """Adds cluster, task definition, roles, logs, service, deployment alarms and scaling.

    `DesiredCount` is never set: an update would undo what scaling decided. AWS then starts one task and scaling brings
    the minimum.
    """
    cluster = scope.add(
        ecs.Cluster(
            "Cluster",
            ClusterSettings=[ecs.ClusterSetting(Name="containerInsights", Value=scope.preset("ContainerInsights"))],
        ),
        "Groups the runtime's tasks.",
    )
    providers = scope.add(
        ecs.ClusterCapacityProviderAssociations(
            "CapacityProviders",
            Cluster=cluster.ref(),
            CapacityProviders=["FARGATE", "FARGATE_SPOT"],
            DefaultCapacityProviderStrategy=[ecs.CapacityProviderStrategy(CapacityProvider="FARGATE", Weight=1)],
        ),
        "Lets the cluster use Fargate and Fargate Spot.",
    )
    log_group = scope.add(
        logs.LogGroup(
            "ServerLogGroup",
            KmsKeyId=protection.key(scope),
            RetentionInDays=scope.setting(p.LOG_RETENTION),
            DeletionPolicy="Delete",
            UpdateReplacePolicy="Delete",
        ),
        "What the server logs, as JSON.",
    )
    definition = _task_definition(scope, inputs, log_group)
    alarms = _deployment_alarms(scope, inputs)
    service = scope.add(
        ecs.Service(
            "Service",
            Cluster=cluster.ref(),
            TaskDefinition=definition.ref(),
            CapacityProviderStrategy=[
                ecs.CapacityProviderStrategyItem(
                    CapacityProvider="FARGATE",
                    Base=1,
                    Weight=scope.find(SPOT_SHARES, scope.parameter(p.SPOT_PERCENT), "OnDemandWeight"),
                ),
                ecs.CapacityProviderStrategyItem(
                    CapacityProvider="FARGATE_SPOT",
                    Weight=scope.find(SPOT_SHARES, scope.parameter(p.SPOT_PERCENT), "SpotWeight"),
                ),
            ],
            NetworkConfiguration=ecs.NetworkConfiguration(
                AwsvpcConfiguration=ecs.AwsvpcConfiguration(
                    AssignPublicIp="DISABLED",
                    Subnets=inputs.private_subnet_ids,
                    SecurityGroups=[inputs.task_security_group_id],
                )
            ),
            LoadBalancers=[
                ecs.LoadBalancer(
                    ContainerName=serving.CONTAINER_NAME,
                    ContainerPort=serving.CONTAINER_PORT,
                    TargetGroupArn=inputs.target_group_arn,
                )
            ],
            HealthCheckGracePeriodSeconds=serving.HEALTH_CHECK_GRACE_SECONDS,
            DeploymentConfiguration=ecs.DeploymentConfiguration(
                Strategy="ROLLING",
                MinimumHealthyPercent=100,
                MaximumPercent=200,
                DeploymentCircuitBreaker=ecs.DeploymentCircuitBreaker(Enable=True, Rollback=True),
                Alarms=ecs.DeploymentAlarms(AlarmNames=[alarm.ref() for alarm in alarms], Enable=True, Rollback=True),
            ),
            AvailabilityZoneRebalancing="ENABLED",
            EnableECSManagedTags=True,
            PropagateTags="SERVICE",
            DependsOn=providers.title,
        ),
        "Keeps the tasks running, replaces them one by one and goes back when new ones fail.",
        lint_exceptions=EMPTY_SUBNETS_REFUSED,
    )
    scaling_parts = _scaling(scope, inputs, cluster, service)
    return Outputs(
        cluster_name=cluster.ref(),
        service_name=service.get_att("Name"),
        log_group_name=log_group.ref(),
        served_endpoint_url=after(inputs.endpoint_url, service, *scaling_parts),
    )


def _image(scope: Scope) -> AWSHelperFn:
    return Sub(
        "${Account}.dkr.ecr.${AWS::Region}.${AWS::URLSuffix}/${Repository}@${Digest}",
        Account=scope.parameter(p.IMAGE_ACCOUNT),
        Repository=scope.parameter(p.IMAGE_REPOSITORY),
        Digest=scope.parameter(p.IMAGE_DIGEST),
    )


def _execution_role(scope: Scope, log_group: logs.LogGroup, state_key: secretsmanager.Secret) -> iam.Role:
    repository = Sub(
        "arn:${AWS::Partition}:ecr:${AWS::Region}:${Account}:repository/${Repository}",
        Account=scope.parameter(p.IMAGE_ACCOUNT),
        Repository=scope.parameter(p.IMAGE_REPOSITORY),
    )
    return scope.add(
        iam.Role(
            "ExecutionRole",
            PermissionsBoundary=protection.boundary(scope),
            AssumeRolePolicyDocument=trust("ecs-tasks.amazonaws.com", regional_arn("ecs", "*")),
            Policies=[
                iam.Policy(
                    PolicyName="start-tasks",
                    PolicyDocument=policy(
                        allow([ecr_actions.GetAuthorizationToken], ["*"], "SignIn"),
                        allow(
                            [
                                ecr_actions.BatchCheckLayerAvailability,
                                ecr_actions.BatchGetImage,
                                ecr_actions.GetDownloadUrlForLayer,
                            ],
                            [repository],
                            "PullImage",
                        ),
                        allow(
                            [logs_actions.CreateLogStream, logs_actions.PutLogEvents],
                            [log_group.get_att("Arn")],
                            "WriteLogs",
                        ),
                    ),
                ),
                iam.Policy(
                    PolicyName="read-state-key",
                    PolicyDocument=policy(
                        allow([secretsmanager_actions.GetSecretValue], [state_key.ref()], "ReadStateKey")
                    ),
                ),
                protection.decrypts_secret(scope, state_key.ref(), "decrypt-state-key"),
                scope.choose(
                    c.HAS_CONTAINER_SECRET,
                    iam.Policy(
                        PolicyName="read-secret",
                        PolicyDocument=policy(
                            allow(
                                [secretsmanager_actions.GetSecretValue],
                                [scope.parameter(p.CONTAINER_SECRET_ARN)],
                                "ReadSecret",
                            )
                        ),
                    ),
                    NoValue,
                ),
                scope.choose(
                    c.HAS_CONTAINER_SECRET,
                    protection.decrypts_secret(scope, scope.parameter(p.CONTAINER_SECRET_ARN)),
                    NoValue,
                ),
            ],
        ),
        "Lets ECS pull the image, write the log and read the task's secrets to start it.",
        wildcards={"SignIn": "IAM takes no narrower resource for ecr:GetAuthorizationToken"},
    )


def _task_role(scope: Scope) -> iam.Role:
    return scope.add(
        iam.Role(
            "TaskRole",
            AssumeRolePolicyDocument=trust("ecs-tasks.amazonaws.com", regional_arn("ecs", "*")),
            ManagedPolicyArns=scope.choose(c.HAS_TASK_POLICIES, scope.parameter(p.TASK_POLICIES), NoValue),
            PermissionsBoundary=protection.boundary(scope),
            Policies=[
                scope.choose(
                    c.HAS_TRACES,
                    iam.Policy(
                        PolicyName=serving.TRACES_POLICY,
                        PolicyDocument=policy(
                            allow(
                                [xray_actions.PutTraceSegments, xray_actions.PutTelemetryRecords], ["*"], "SendTraces"
                            )
                        ),
                    ),
                    NoValue,
                )
            ],
        ),
        "What the tools themselves may do in AWS: nothing but what the named policies allow, and send traces.",
        wildcards={"SendTraces": "IAM takes no narrower resource for the X-Ray actions that send"},
    )


def _token_check(scope: Scope, inputs: Inputs) -> dict[str, Value]:
    """The second lock: the server checks what the load balancer's listener checks."""
    check = scope.parameter(p.SERVER_TOKEN_CHECK)
    return {
        "REQUIRE_TOKEN": scope.choose(
            c.HAS_ENDPOINT,
            scope.choose(
                c.CREATES_ISSUER,
                scope.find(SERVER_TOKEN_CHECKS, check, "MadeIssuer"),
                scope.find(SERVER_TOKEN_CHECKS, check, "ExistingIssuer"),
            ),
            "off",
        ),
        "TOKEN_ISSUER": inputs.issuer,
        "TOKEN_KEYS_URL": inputs.jwks_url,
        "TOKEN_SCOPE": scope.choose(c.HAS_CLAIM_VALUE, scope.parameter(p.CLAIM_VALUE), inputs.scope),
        "TOKEN_SCOPE_CLAIM": scope.choose(c.CREATES_ISSUER, p.CLAIM.default, scope.parameter(p.CLAIM)),
        # An existing issuer may name its clients in another claim.
        "TOKEN_CLIENT_ID": scope.choose(c.CREATES_ISSUER, inputs.client_id, ""),
    }


def _state_key(scope: Scope) -> secretsmanager.Secret:
    """What seals the state of a call that asks its caller: the call that goes on with it may reach another task.

    The value is made by Secrets Manager and stays as long as the stack: an update does not change it.
    """
    return scope.add(
        secretsmanager.Secret(
            "StateKey",
            KmsKeyId=protection.key(scope),
            Description=Join(" ", ["Seals the state of calls of the MCP runtime", scope.parameter(p.RUNTIME_NAME)]),
            GenerateSecretString=secretsmanager.GenerateSecretString(PasswordLength=64),
            DeletionPolicy="Delete",
            UpdateReplacePolicy="Delete",
        ),
        "Seals what a call that asks its caller keeps until the answers arrive, perhaps at another task.",
    )


def _task_definition(scope: Scope, inputs: Inputs, log_group: logs.LogGroup) -> ecs.TaskDefinition:
    size, preset = scope.parameter(p.TASK_SIZE), scope.parameter(p.PRESET_NAME)
    state_key = _state_key(scope)
    environment: dict[str, Value] = {
        "HOST": "0.0.0.0",  # noqa: S104  # inside the task's own network namespace
        "PORT": str(serving.CONTAINER_PORT),
        "LOG_LEVEL": scope.parameter(p.LOG_LEVEL),
        "KEEP_ALIVE_SECONDS": str(serving.KEEP_ALIVE_SECONDS),
        "PING_INTERVAL_SECONDS": str(serving.PING_INTERVAL_SECONDS),
        "SHUTDOWN_SECONDS": str(serving.SHUTDOWN_SECONDS),
        "ALLOWED_HOSTS": inputs.host_name,
        "FORWARDED_ALLOW_IPS": scope.parameter(p.VPC_CIDR),
        "PROVIDERS": scope.parameter(p.TOOL_PROVIDERS),
        "AUDIT_ARGUMENTS": scope.parameter(p.AUDIT_ARGUMENTS),
        "TRACES": scope.choose(c.HAS_TRACES, "on", "off"),
        "RUNTIME_NAME": scope.parameter(p.RUNTIME_NAME),
        **_token_check(scope, inputs),
    }
    return scope.add(
        ecs.TaskDefinition(
            "TaskDefinition",
            RequiresCompatibilities=["FARGATE"],
            NetworkMode="awsvpc",
            Cpu=scope.find(TASK_CPU, size, preset),
            Memory=scope.find(TASK_MEMORY, size, preset),
            RuntimePlatform=ecs.RuntimePlatform(
                CpuArchitecture=scope.parameter(p.CPU_ARCHITECTURE), OperatingSystemFamily="LINUX"
            ),
            ExecutionRoleArn=_execution_role(scope, log_group, state_key).get_att("Arn"),
            TaskRoleArn=_task_role(scope).get_att("Arn"),
            ContainerDefinitions=[
                ecs.ContainerDefinition(
                    Name=serving.CONTAINER_NAME,
                    Image=_image(scope),
                    Essential=True,
                    User=serving.CONTAINER_USER,
                    # Alone it gets all of it: a limit of its own is what controls look for. Beside a collector it has
                    # what that one leaves: limits of containers must not add up to more than the task's.
                    Memory=scope.choose(
                        c.HAS_TRACES,
                        scope.find(TASK_MEMORY_BESIDE_COLLECTOR, size, preset),
                        scope.find(TASK_MEMORY, size, preset),
                    ),
                    PortMappings=[ecs.PortMapping(ContainerPort=serving.CONTAINER_PORT, Protocol="tcp")],
                    Environment=[ecs.Environment(Name=name, Value=value) for name, value in environment.items()],
                    Secrets=[
                        ecs.Secret(Name=serving.REQUEST_STATE_VARIABLE, ValueFrom=state_key.ref()),
                        scope.choose(
                            c.HAS_CONTAINER_SECRET,
                            ecs.Secret(
                                Name=serving.TOOL_SECRETS_VARIABLE, ValueFrom=scope.parameter(p.CONTAINER_SECRET_ARN)
                            ),
                            NoValue,
                        ),
                    ],
                    ReadonlyRootFilesystem=True,
                    LinuxParameters=ecs.LinuxParameters(
                        InitProcessEnabled=True, Capabilities=ecs.KernelCapabilities(Drop=["ALL"])
                    ),
                    StopTimeout=serving.STOP_TIMEOUT_SECONDS,
                    LogConfiguration=ecs.LogConfiguration(
                        LogDriver="awslogs",
                        Options={
                            "awslogs-group": log_group.ref(),
                            "awslogs-region": Ref("AWS::Region"),
                            "awslogs-stream-prefix": serving.CONTAINER_NAME,
                            "mode": "non-blocking",
                        },
                    ),
                ),
                scope.choose(c.HAS_TRACES, _collector(scope, log_group), NoValue),
            ],
        ),
        "How one task runs the server: image by digest, read-only root, no capabilities.",
    )


def _collector(scope: Scope, log_group: logs.LogGroup) -> ecs.ContainerDefinition:
    """The AWS Distro for OpenTelemetry collector, by the configuration in its image that takes OTLP on this task's
    loopback and sends traces to X-Ray (AWS observability best practices, "Deploying ADOT Collector with default
    configuration"). The server runs on without it.
    """
    return ecs.ContainerDefinition(
        Name=serving.COLLECTOR_NAME,
        Image=scope.parameter(p.TRACES_COLLECTOR_IMAGE),
        Essential=False,
        User=serving.CONTAINER_USER,
        Command=["--config=/etc/ecs/ecs-default-config.yaml"],
        Memory=serving.COLLECTOR_MEMORY_MIB,
        ReadonlyRootFilesystem=True,
        LinuxParameters=ecs.LinuxParameters(InitProcessEnabled=True, Capabilities=ecs.KernelCapabilities(Drop=["ALL"])),
        LogConfiguration=ecs.LogConfiguration(
            LogDriver="awslogs",
            Options={
                "awslogs-group": log_group.ref(),
                "awslogs-region": Ref("AWS::Region"),
                "awslogs-stream-prefix": serving.COLLECTOR_NAME,
                "mode": "non-blocking",
            },
        ),
    )


def _deployment_alarms(scope: Scope, inputs: Inputs) -> list[cloudwatch.Alarm]:
    entry = entry_of("DeploymentErrors")
    meaning = (entry.meaning, entry.anchor)
    dimensions = [
        cloudwatch.MetricDimension(Name="TargetGroup", Value=inputs.target_group_full_name),
        cloudwatch.MetricDimension(Name="LoadBalancer", Value=inputs.load_balancer_full_name),
    ]
    return [
        scope.add(
            cloudwatch.Alarm(
                title,
                AlarmDescription=described(scope, *meaning),
                Namespace="AWS/ApplicationELB",
                MetricName=metric,
                Dimensions=dimensions,
                Statistic=statistic,
                Period=60,
                EvaluationPeriods=periods,
                Threshold=threshold,
                ComparisonOperator="GreaterThanOrEqualToThreshold",
                TreatMissingData="notBreaching",
            ),
            description,
        )
        for title, description, metric, statistic, periods, threshold in (
            (
                "DeploymentErrors",
                "Tasks answer with errors.",
                "HTTPCode_Target_5XX_Count",
                "Sum",
                3,
                10,
            ),
            (
                "DeploymentUnhealthy",
                "Tasks fail their health check.",
                "UnHealthyHostCount",
                "Maximum",
                5,
                1,
            ),
        )
    ]


def _scaling(
    scope: Scope, inputs: Inputs, cluster: ecs.Cluster, service: ecs.Service
) -> tuple[scaling.ScalableTarget, ...]:
    target = scope.add(
        scaling.ScalableTarget(
            "ScalableTarget",
            ServiceNamespace="ecs",
            ScalableDimension="ecs:service:DesiredCount",
            ResourceId=Join("/", ["service", cluster.ref(), service.get_att("Name")]),
            MinCapacity=scope.parameter(p.MIN_TASKS),
            MaxCapacity=scope.parameter(p.MAX_TASKS),
        ),
        "Bounds the number of tasks.",
    )
    label = Join("/", [inputs.load_balancer_full_name, inputs.target_group_full_name])
    for title, metric, goal, resource_label, description in (
        ("CpuScaling", "ECSServiceAverageCPUUtilization", p.CPU_TARGET, NoValue, "mean CPU utilization"),
        ("MemoryScaling", "ECSServiceAverageMemoryUtilization", p.MEMORY_TARGET, NoValue, "mean memory utilization"),
        ("RequestScaling", "ALBRequestCountPerTarget", p.REQUESTS_TARGET, label, "requests per task"),
    ):
        scope.add(
            scaling.ScalingPolicy(
                title,
                PolicyName=title,
                PolicyType="TargetTrackingScaling",
                ScalingTargetId=target.ref(),
                TargetTrackingScalingPolicyConfiguration=scaling.TargetTrackingScalingPolicyConfiguration(
                    PredefinedMetricSpecification=scaling.PredefinedMetricSpecification(
                        PredefinedMetricType=metric, ResourceLabel=resource_label
                    ),
                    TargetValue=scope.parameter(goal),
                    ScaleInCooldown=SCALE_IN_COOLDOWN_SECONDS,
                    ScaleOutCooldown=SCALE_OUT_COOLDOWN_SECONDS,
                ),
            ),
            f"Adds and removes tasks to hold the {description}.",
        )
    return (target,)


LAYER = Layer("Service", "ECS service of the MCP runtime, its roles, logs and scaling.", 40, Outputs, build)
