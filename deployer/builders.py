"""The OCI builders of this machine: which of them really answers, and building and pushing with it.

The registry's password reaches a builder on its standard input alone. Docker and Finch keep it where they keep all
sign-ins, so they are signed out again; Podman and Buildah keep it in a file that goes with the build. Attestations are
turned off (`BUILDX_NO_DEFAULT_ATTESTATIONS`, Docker's build variables), so that the digest is an image's and not that
of an index; the image format is Docker's, which keeps the health check.
"""

import os
import subprocess
import tempfile
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from deployer.build_context import BuildContext
from deployer.errors import RefusedError

ANSWER_SECONDS: Final = 20.0
KEPT_LINES: Final = 20
ERROR_LENGTH: Final = 300
ENVIRONMENT: Final = {"BUILDX_NO_DEFAULT_ATTESTATIONS": "1", "BUILDKIT_PROGRESS": "plain"}

Say = Callable[[str], None]
"""Takes one line of what a builder prints."""


@dataclass(frozen=True)
class Login:
    """Where to push: the registry's host, what leads repositories there, and the password of the user AWS.

    `insecure` is for the emulated registry of this machine, which has no TLS.
    """

    host: str
    password: str
    prefix: str = ""
    insecure: bool = False

    def reference(self, repository: str, tag: str) -> str:
        """Returns the image's full name."""
        return f"{self.host}/{self.prefix}{repository}:{tag}"


@dataclass(frozen=True)
class Builder:
    """One kind of builder: its program, what makes it answer, and how it differs from Docker.

    With `pushes_platform` it pushes this machine's platform unless it is told another (nerdctl, command reference).
    """

    program: str
    question: tuple[str, ...]
    own_login_file: bool = False
    pushes_platform: bool = False

    def answers(self) -> bool:
        """Whether the program is there and, where it has a daemon or a machine, whether that answers."""
        try:
            asked = subprocess.run(
                [self.program, *self.question], capture_output=True, timeout=ANSWER_SECONDS, stdin=subprocess.DEVNULL
            )
        except (OSError, subprocess.TimeoutExpired):
            return False
        return asked.returncode == 0 and bool(asked.stdout.strip())

    def build_and_push(self, context: BuildContext, repository: str, login: Login, say: Say) -> None:
        """Builds the context for its platform and pushes it under its tag.

        Raises RefusedError with the builder's own last words where one of the steps fails.
        """
        image = login.reference(repository, context.tag)
        with tempfile.TemporaryDirectory(prefix="image-") as scratch:
            source = Path(scratch, "source")
            source.mkdir()
            context.write(source)
            login_file = ["--authfile", str(Path(scratch, "login.json"))] if self.own_login_file else []
            plain = ["--tls-verify=false"] if login.insecure and self.own_login_file else []
            formatted = ["--format", "docker"] if self.own_login_file else []
            build = ["build", "--platform", context.platform, *formatted, "--tag", image, str(source)]
            self._run("build the image", build, say)
            signing = ["login", *login_file, *plain, "--username", "AWS", "--password-stdin", login.host]
            self._run("sign in to the registry", signing, say, login.password)
            platform = ["--platform", context.platform] if self.pushes_platform else []
            try:
                self._run(f"push {image}", ["push", *login_file, *plain, *platform, image], say)
            finally:
                if not self.own_login_file:
                    self._quietly(["logout", login.host])

    def _run(self, what: str, arguments: Sequence[str], say: Say, told: str = "") -> None:
        """Runs the program; its lines go to `say` as they come, `told` to its standard input."""
        last: deque[str] = deque(maxlen=KEPT_LINES)
        try:
            running = subprocess.Popen(
                [self.program, *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                env=self._environment(),
            )
        except OSError as error:
            raise RefusedError(f"{self.program} could not {what}: {error.strerror}; repair or reinstall it.") from error
        with running:
            try:
                assert running.stdin is not None and running.stdout is not None
                try:
                    with running.stdin as stdin:
                        stdin.write(told)
                except BrokenPipeError:
                    pass  # It ended before it read; its status says why.
                for line in running.stdout:
                    if line.strip():
                        last.append(line.strip())
                        say(line.rstrip())
            except BaseException:
                running.terminate()
                raise
        if running.returncode:
            raise RefusedError(f"{self.program} could not {what}: {words(last)}.")

    def _quietly(self, arguments: Sequence[str]) -> None:
        subprocess.run([self.program, *arguments], capture_output=True, stdin=subprocess.DEVNULL)

    def _environment(self) -> Mapping[str, str]:
        return {**os.environ, **ENVIRONMENT}


def words(lines: Sequence[str]) -> str:
    """Returns what a failed program said of its failure, in one line of bounded length."""
    telling = [line for line in lines if "error" in line.lower() or "denied" in line.lower()] or list(lines)[-1:]
    text = " ".join((telling[-1] if telling else "it did not say why").split()).rstrip(".")
    return text if len(text) <= ERROR_LENGTH else text[: ERROR_LENGTH - 1] + "…"


BUILDERS: Final[Mapping[str, Builder]] = {
    builder.program: builder
    for builder in (
        Builder("docker", ("version", "--format", "{{.Server.Version}}")),
        Builder("finch", ("info", "--format", "{{.ServerVersion}}"), pushes_platform=True),
        Builder("podman", ("info", "--format", "{{.Version.Version}}"), own_login_file=True),
        Builder("buildah", ("info",), own_login_file=True),
    )
}
"""The builders by the name of their program, in the order in which they are tried."""


def first_that_answers(builders: Mapping[str, Builder] = BUILDERS) -> Builder | None:
    """Returns the first builder of this machine that answers, or None."""
    return next((builder for builder in builders.values() if builder.answers()), None)
