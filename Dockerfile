# One image for every part of the service; what a container does is its command.
FROM python:3.11-slim AS build
WORKDIR /src
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY ingest ingest
COPY verification verification
COPY model_zoo model_zoo
COPY service service
RUN python -m venv /opt/nowcast \
 && /opt/nowcast/bin/pip install --no-cache-dir --constraint constraints.txt .

FROM python:3.11-slim
RUN useradd --create-home --uid 10001 nowcast && mkdir /data && chown nowcast /data
COPY --from=build /opt/nowcast /opt/nowcast
ENV PATH=/opt/nowcast/bin:$PATH NOWCAST_DATA=/data NOWCAST_HOST=0.0.0.0 PYTHONUNBUFFERED=1
USER nowcast
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s CMD ["python", "-c", \
    "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
CMD ["nowcast", "serve"]
