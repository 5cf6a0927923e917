# Two stages: what builds merzim does not come along to where it runs. No secret is ever in an image.
FROM python:3.11.14-slim-bookworm AS build
WORKDIR /build
COPY requirements.txt deploy/requirements-build.txt ./
# Only wheels: nothing that is downloaded runs code here. The hashes are those of the lock file.
RUN python -m venv --without-pip /opt/merzim \
    && pip install --no-cache-dir --require-hashes --only-binary :all: -r requirements-build.txt \
    && pip --python /opt/merzim/bin/python install --no-cache-dir --require-hashes --only-binary :all: -r requirements.txt
COPY pyproject.toml README.md ./
COPY config config
COPY tasks tasks
COPY worker worker
RUN pip wheel --no-deps --no-build-isolation --no-index --wheel-dir /wheels . \
    && pip --python /opt/merzim/bin/python install --no-deps --no-index /wheels/merzim-*.whl

FROM python:3.11.14-slim-bookworm
ENV PATH=/opt/merzim/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
# A number that means nobody else on the machine. New volumes take over the owner of these folders.
RUN groupadd --gid 10001 merzim \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin merzim \
    && install -d -m 0700 -o merzim -g merzim /var/lib/merzim/spool /var/lib/merzim/archive /var/lib/merzim/reports
COPY --from=build /opt/merzim /opt/merzim
USER 10001:10001
WORKDIR /var/lib/merzim
CMD ["merzim", "--help"]
