# One node of Pulsemesh. How to run it: docs/deploy.md.
# Every step is run as written by test/e2e/production-install.test.ts, in a root file system of its own but without a container engine.
ARG NODE_IMAGE=node:26-bookworm-slim

# The sources as a bundle, with all the tools of the lock file.
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
COPY tsconfig.base.json ./
COPY packages packages
RUN npm run build --workspace pulsemesh

# What cannot be bundled: the store's native code and what it needs, for this platform, of the versions in the lock file.
FROM ${NODE_IMAGE} AS modules
WORKDIR /modules
COPY package.json package-lock.json .npmrc ./
COPY --from=build /build/packages packages
RUN npm ci --omit=dev --omit=optional --ignore-scripts --workspace @pulsemesh/store-level \
  && rm -rf node_modules/@pulsemesh node_modules/@ipld node_modules/cborg node_modules/multiformats

FROM ${NODE_IMAGE}
LABEL org.opencontainers.image.title="Pulsemesh" \
  org.opencontainers.image.description="A mesh of sidecars that keeps robots honest" \
  org.opencontainers.image.licenses="Apache-2.0"
ENV NODE_ENV=production \
  PULSEMESH_DATA=/data \
  PULSEMESH_LISTEN=/ip4/0.0.0.0/tcp/7421 \
  PULSEMESH_PROBES=0.0.0.0:7422
WORKDIR /app
COPY LICENSE ./
COPY --from=build /build/packages/cli/package.json ./
COPY --from=build /build/packages/cli/bin bin
COPY --from=build /build/packages/cli/dist dist
COPY --from=modules /modules/node_modules node_modules
# /data belongs to the node alone; /join is for the address files of nodes that are started together.
RUN ln -s /app/bin/pulsemesh.js /usr/local/bin/pulsemesh \
  && install -d -o 10001 -g 10001 -m 0700 /data \
  && install -d -o 10001 -g 10001 -m 0755 /join
USER 10001:10001
VOLUME /data
# 7420 HTTP for robots and people (on loopback unless told otherwise), 7421 the mesh, 7422 the probes.
EXPOSE 7420 7421 7422
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:7422/livez').then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "/app/bin/pulsemesh.js"]
CMD ["run"]
