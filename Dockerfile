# The same steps as `npm start`, in two stages: the first one has compilers, if
# they are needed, and what builds the pages; the second one only what runs.

FROM node:24-bookworm AS build
WORKDIR /opt/pharos

# First what changes seldom: dependencies, mediasoup-worker and ffmpeg stay in
# their layer when only Pharos's own sources change.
COPY package.json package-lock.json .npmrc ./
COPY scripts/setup.mjs scripts/
COPY scripts/setup scripts/setup
COPY workers/native workers/native
# auto, prebuilt (fails where it cannot be downloaded) or build (from source)
ARG PHAROS_WORKER_ROUTE=auto
RUN node scripts/setup.mjs start

COPY . .
RUN node scripts/setup.mjs start && npm prune --omit=dev --prefer-offline --no-audit --no-fund

FROM node:24-bookworm-slim
LABEL org.opencontainers.image.title="Pharos" \
      org.opencontainers.image.description="One-to-many WebRTC broadcast server" \
      org.opencontainers.image.licenses="MIT"
WORKDIR /opt/pharos

COPY --from=build /opt/pharos/node_modules node_modules
COPY --from=build /opt/pharos/dist dist
COPY package.json LICENSE ./
COPY config config
COPY server server
COPY workers workers

# The libraries of a mediasoup-worker that was built from source, and ffmpeg
# where npm's could not be had. The worker exits with 41 when nobody started it
# as a worker: then it runs.
RUN apt-get update \
 && apt-get install -y --no-install-recommends libabsl20220623 libsrtp2-1 libssl3 libuv1 \
      $(test -x node_modules/ffmpeg-static/ffmpeg || echo ffmpeg) \
 && rm -rf /var/lib/apt/lists/* \
 && { env -i node_modules/mediasoup/worker/out/Release/mediasoup-worker; test $? -eq 41; } \
 && install -d -o node -g node /data

USER node
# What the server generates, e.g. the publish key.
VOLUME /data
ENV NODE_ENV=production PHAROS_DATA_DIRECTORY=/data

# 3000: pages and signaling. From 40000 on: media, one port for each worker and
# one worker for each core, unless PHAROS_MEDIA_WORKERS says otherwise.
EXPOSE 3000/tcp 40000-40001/udp 40000-40001/tcp

# The server speaks HTTP or, with a certificate, HTTPS; the certificate is not for 127.0.0.1.
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s CMD \
  NODE_TLS_REJECT_UNAUTHORIZED=0 NODE_NO_WARNINGS=1 node -e " \
    const ask = (scheme) => fetch(scheme + '://127.0.0.1:' + (process.env.PHAROS_HTTP_PORT || 3000) + '/healthz') \
      .then((answer) => answer.ok || Promise.reject()); \
    Promise.any([ask('http'), ask('https')]).then(() => process.exit(0), () => process.exit(1))"

CMD ["node", "server/main.ts"]
