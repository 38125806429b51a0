# tuner in an image: docker run --rm -v "$PWD:/work" -u "$(id -u)" tuner sweep demo:mixed
# Without Docker, .ci/image runs these steps as a script.
FROM python:3.13-slim-trixie AS build
ENV TUNER_HOME=/opt/tuner
WORKDIR /src
COPY . .
RUN python -m venv "$TUNER_HOME" \
    && "$TUNER_HOME/bin/pip" install --quiet --no-cache-dir --disable-pip-version-check -c .ci/constraints.txt . \
    && mkdir "$TUNER_HOME/work"

FROM python:3.13-slim-trixie
ENV PATH=/opt/tuner/bin:$PATH HOME=/tmp PYTHONUNBUFFERED=1
COPY --from=build /opt/tuner /opt/tuner
COPY --from=build --chown=1000:1000 /opt/tuner/work /work
USER 1000:1000
WORKDIR /work
ENTRYPOINT ["tuner"]
CMD ["--help"]
