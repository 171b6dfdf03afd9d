# One node of Pulsemesh. How to run it: docs/deploy.md.
# Every step is run as written by test/e2e/production-install.test.ts, in a root file system of its own but without a container engine.
ARG NODE_IMAGE=node:26-bookworm-slim

# A folder that runs without the sources and the tools that made it.
FROM ${NODE_IMAGE} AS build
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
COPY packages/cli/package.json packages/cli/
COPY packages/cli/bin packages/cli/bin
COPY packages/client/package.json packages/client/
COPY packages/core/package.json packages/core/
COPY packages/doc-yjs/package.json packages/doc-yjs/
COPY packages/gateway/package.json packages/gateway/
COPY packages/node/package.json packages/node/
COPY packages/sim/package.json packages/sim/
COPY packages/store-level/package.json packages/store-level/
COPY packages/testkit/package.json packages/testkit/
COPY packages/transport-libp2p/package.json packages/transport-libp2p/
RUN npm ci --ignore-scripts
COPY tsconfig.base.json LICENSE ./
COPY packages packages
COPY deploy/install.sh deploy/
RUN deploy/install.sh /app

FROM ${NODE_IMAGE}
LABEL org.opencontainers.image.title="Pulsemesh" \
  org.opencontainers.image.description="A mesh of sidecars that keeps robots honest" \
  org.opencontainers.image.licenses="Apache-2.0"
# MALLOC_ARENA_MAX: a node has few threads, and each would keep a heap of its own (some 5 MB).
ENV NODE_ENV=production \
  MALLOC_ARENA_MAX=2 \
  PULSEMESH_DATA=/data \
  PULSEMESH_LISTEN=/ip4/0.0.0.0/tcp/7421,/ip6/::/tcp/7421 \
  PULSEMESH_PROBES=[::]:7422
WORKDIR /app
COPY --from=build /app ./
# /data belongs to the node alone; /join is for the addresses or invites of nodes that are started together, /root-keys for a volume that
# `pulsemesh init --root` fills and no node mounts.
RUN ln -s /app/bin/pulsemesh.js /usr/local/bin/pulsemesh \
  && install -d -o 10001 -g 10001 -m 0700 /data \
  && install -d -o 10001 -g 10001 -m 0755 /join \
  && install -d -o 10001 -g 10001 -m 0700 /root-keys
USER 10001:10001
VOLUME /data
# 7420 HTTP for robots and people (on loopback unless told otherwise), 7421 the mesh, 7422 the probes.
EXPOSE 7420 7421 7422
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:7422/livez').then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "/app/bin/pulsemesh.js"]
CMD ["run"]
