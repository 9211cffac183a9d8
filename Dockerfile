# The image of the MCP server. Nothing but the lock's category "server" is installed, each file checked by its hash.
# Pin the base by digest with --build-arg PYTHON_IMAGE=public.ecr.aws/docker/library/python@sha256:...
ARG PYTHON_IMAGE=public.ecr.aws/docker/library/python:3.13-slim-trixie

FROM ${PYTHON_IMAGE} AS build
WORKDIR /build
COPY Pipfile.lock deployer/environments.py ./
RUN python -c "import environments, pathlib; print(environments.requirements('server', root=pathlib.Path.cwd()))" > requirements.txt
RUN python -m pip install --disable-pip-version-check --no-cache-dir --no-compile --no-deps --only-binary :all: \
        --require-hashes --requirement requirements.txt --target /opt/packages \
    && PYTHONPATH=/opt/packages python -m pip check
COPY server /opt/app/server
# The bytecode is never compared with its source: neither changes in an image.
RUN python -m compileall -q -j 0 --invalidation-mode unchecked-hash /opt/packages /opt/app

FROM ${PYTHON_IMAGE}
# The base image comes without the standard library's bytecode, and on a read-only root nothing can be kept: each start
# would compile it again, which takes longer on a quarter of a CPU than everything else.
RUN python -m compileall -q -j 0 --invalidation-mode unchecked-hash \
        -x '/(ensurepip|idlelib|lib2to3|pydoc_data|site-packages|tkinter|turtledemo)/' \
        "$(python -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')"
COPY --from=build /opt/packages /opt/packages
COPY --from=build /opt/app /opt/app
WORKDIR /opt/app
ENV HOME=/tmp \
    HOST=0.0.0.0 \
    PORT=3000 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONPATH=/opt/packages \
    PYTHONUNBUFFERED=1
# A number: the image needs no entry for it, and ECS can see that it is not root.
USER 65532:65532
EXPOSE 3000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --retries=3 CMD ["python", "-m", "server.healthcheck"]
CMD ["python", "-m", "server"]
