# syntax=docker/dockerfile:1
# docker build --build-arg VERSION=0.1.0 --build-arg REVISION=$(git rev-parse HEAD) -t vantage-collector .
# For linux/amd64 and linux/arm64: docker buildx build --platform linux/amd64,linux/arm64 .
# What changes seldom comes first in each stage, so that after a change in lib/ only TypeScript is compiled again.

# Another Node or Debian, such as 22-bookworm-slim, on which uWebSockets.js needs no newer glibc.
ARG NODE=24-trixie-slim

# What runs: production dependencies, and librdkafka compiled with the headers that give it gzip, zstd, TLS and SASL/SCRAM.
FROM node:${NODE} AS dependencies
# hadolint ignore=DL3008
RUN apt-get update && apt-get install --yes --no-install-recommends g++ libssl-dev libzstd-dev make python3 zlib1g-dev
# The headers that addons are compiled with are those of this Node, and need not be downloaded.
ENV npm_package_config_node_gyp_nodedir=/usr/local
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY scripts/requirements ./scripts/requirements
RUN npm ci --omit=dev --ignore-scripts --no-audit
RUN npm rebuild node-rdkafka
COPY binding.gyp ./
COPY lib/delivery/native ./lib/delivery/native
COPY lib/ingest/native ./lib/ingest/native
COPY lib/shared/native ./lib/shared/native
COPY lib/worker/native ./lib/worker/native
RUN npm run install
# Of 700 MB, what runs on this platform and Node.
COPY scripts/prune.js ./scripts/
RUN node scripts/prune.js

FROM node:${NODE} AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY scripts/requirements ./scripts/requirements
RUN npm ci --ignore-scripts --no-audit
COPY . .
RUN npm run build && rm -rf dist/test dist/scripts dist/.tsbuildinfo && chmod +x dist/bin/*.js

FROM node:${NODE}
# The journal is the only thing that is written: all else may be read-only. A new volume belongs to whom the folder does.
# hadolint ignore=DL3008
RUN apt-get update && apt-get install --yes --no-install-recommends libssl3 libzstd1 tini zlib1g && rm -rf /var/lib/apt/lists/* \
  && ln -s /app/dist/bin/vantage-collector.js /usr/local/bin/vantage-collector \
  && mkdir -p /var/lib/vantage-collector && chown 1000:1000 /var/lib/vantage-collector
WORKDIR /app
COPY --from=dependencies /app/node_modules ./node_modules
COPY --from=dependencies /app/build ./build
COPY --from=build /app/package.json /app/LICENSE /app/CHANGELOG.md ./
COPY --from=build /app/dist ./dist
ENV NODE_ENV=production \
    VANTAGE_ENVIRONMENT=production \
    VANTAGE_JOURNAL_DIR=/var/lib/vantage-collector/journal
VOLUME /var/lib/vantage-collector
# The user "node", by number, so that Kubernetes can see that it is not root.
USER 1000:1000
EXPOSE 8000
# Liveness, not readiness: while Kafka is away, a restart helps nobody. A certificate is that of another name than 127.0.0.1.
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 \
  CMD ["node", "-e", "require(process.env.VANTAGE_TLS_CERT_FILE ? 'https' : 'http').get({ host: '127.0.0.1', port: process.env.VANTAGE_API_PORT || 8000, path: '/live', rejectUnauthorized: false }, ({ statusCode }) => process.exit(statusCode === 200 ? 0 : 1)).on('error', () => process.exit(1))"]
# As PID 1, tini passes SIGTERM and SIGHUP on to the collector, which drains and reloads.
ENTRYPOINT ["tini", "--", "vantage-collector"]
# Last, since they change with each commit.
ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Vantage Collector" \
      org.opencontainers.image.description="Takes metric batches over HTTP and puts every accepted metric into Apache Kafka" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
