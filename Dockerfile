# The connector as Airbyte runs it: `docker run IMAGE spec|check|discover|read`. Reasons: docs/decisions/0008-the-image.md.
ARG BASE=python:3.11-slim-bookworm

FROM ${BASE} AS build
# An environment of its own, because two Debian Pythons do not agree on where site-packages is. Only it leaves this stage.
RUN python -m venv --without-pip /opt/venv
COPY requirements.txt /build/
RUN pip --python /opt/venv/bin/python install --no-cache-dir --only-binary :all: --no-deps --require-hashes \
    --requirement /build/requirements.txt
COPY setup.py pyproject.toml README.md LICENSE /build/
COPY source_closeio /build/source_closeio
RUN pip --python /opt/venv/bin/python install --no-cache-dir --no-index --no-deps --no-build-isolation /build

FROM ${BASE}
ARG VERSION=0.1.0
LABEL io.airbyte.name="source-closeio" \
    io.airbyte.version="${VERSION}" \
    org.opencontainers.image.title="source-closeio" \
    org.opencontainers.image.description="Airbyte source connector for Close CRM that loses no record" \
    org.opencontainers.image.version="${VERSION}" \
    org.opencontainers.image.source="https://github.com/source-closeio/source-closeio" \
    org.opencontainers.image.licenses="MIT"
RUN useradd --uid 1000 --home-dir /airbyte --create-home --skel /nonexistent airbyte
COPY --from=build /opt/venv /opt/venv
COPY main.py /airbyte/integration_code/
ENV PATH=/opt/venv/bin:$PATH \
    AIRBYTE_ENTRYPOINT="python /airbyte/integration_code/main.py"
WORKDIR /airbyte/integration_code
# By number: Kubernetes' runAsNonRoot does not look names up.
USER 1000:1000
ENTRYPOINT ["python", "/airbyte/integration_code/main.py"]
