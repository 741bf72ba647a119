# syntax=docker/dockerfile:1
# The service as an image. Debian rather than Alpine: node publishes its own builds for glibc alone, and it is what the
# tests run on; lmdb has prebuilt binaries for both, on x64 and arm64.

FROM node:22-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY . .
RUN npm run build && npm prune --omit=dev

FROM node:22-slim
ENV NODE_ENV=production HOST=0.0.0.0 PORT=3000 DATA_DIR=/data SAMPLE_DATA=off
# Nobody but the service reads the embedded database. The command is that of the package.
RUN install --directory --owner=node --group=node --mode=700 /data \
  && ln -s /app/dist/src/cli.js /usr/local/bin/recoup-tasks
WORKDIR /app
COPY --from=build /app/package.json /app/openapi.yaml /app/LICENSE ./
COPY --from=build /app/generated/openapi.json ./generated/
COPY --from=build /app/docs/http.md ./docs/
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/src/http/pages/docs-page ./src/http/pages/docs-page
COPY --from=build /app/src/samples/data ./src/samples/data
COPY --from=build --chmod=755 /app/dist ./dist
# The user node, by its number, so that Kubernetes can tell that it is not root.
USER 1000:1000
VOLUME /data
EXPOSE 3000
# Live, not ready: where the database is away, to start the service again mends nothing.
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT}/health/live`).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
STOPSIGNAL SIGTERM
# node is process 1 and handles the signal itself; `docker run --init` makes a second one end it at once, too.
ENTRYPOINT ["node", "/app/dist/src/cli.js"]
