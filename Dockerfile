# The worker, its dashboard and the command line. docs/fleet.md says how to build and run the image.
#   docker build --target cpu -t face-search-worker .
#   docker build --target cuda12 -t face-search-worker:cuda12 .

ARG BASE=node:24-bookworm-slim
# CUDA 12 and cuDNN 9, which onnxruntime's CUDA provider needs. Node.js comes from BASE.
ARG CUDA_BASE=nvidia/cuda:12.6.3-cudnn-runtime-ubuntu24.04

FROM ${BASE} AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --no-progress
COPY tsconfig.json tsconfig.build.json tsconfig.web.json ./
COPY src src
COPY scripts/build scripts/build
# onnxruntime-node brings the libraries of all platforms.
RUN npm run build && npm prune --omit=dev && chmod +x dist/cli.js dist/supervisor.js \
  && find dist -name '*.map' -delete \
  && rm -r node_modules/onnxruntime-node/bin/napi-v6/darwin node_modules/onnxruntime-node/bin/napi-v6/win32
COPY web web
COPY scripts/models.mjs scripts/models.mjs
COPY scripts/models scripts/models
COPY models/manifest.json models/manifest.json

# Bakes a model pack into the image. Without MODEL_PACK, mount a volume at /models and run "face-search models" in it.
FROM build AS models
ARG MODEL_PACK=
ARG MODELS_MIRROR=
RUN mkdir /models && if [ -n "$MODEL_PACK" ]; then dist/cli.js models --dir /models; fi

FROM build AS cuda-provider
RUN ONNXRUNTIME_NODE_INSTALL=cuda12 node node_modules/onnxruntime-node/script/install.js

FROM ${CUDA_BASE} AS cuda12
ARG MODEL_PACK=
ENV NODE_ENV=production MODELS_DIR=/models MODEL_PACK=${MODEL_PACK} DASHBOARD_PORT=off
COPY --from=build /usr/local/bin/node /usr/local/bin/node
COPY --from=cuda-provider /app /app
COPY --from=models --chown=1000:1000 /models /models
RUN ln -s /app/dist/cli.js /usr/local/bin/face-search && ln -s /app/dist/supervisor.js /usr/local/bin/face-search-worker
WORKDIR /app
USER 1000:1000
EXPOSE 3000
HEALTHCHECK --interval=30s --timeout=10s --start-period=180s CMD ["face-search", "status", "--check"]
ENTRYPOINT []
CMD ["face-search-worker"]

FROM ${BASE} AS cpu
ARG MODEL_PACK=
ENV NODE_ENV=production MODELS_DIR=/models MODEL_PACK=${MODEL_PACK} DASHBOARD_PORT=off USE_CPU=1
COPY --from=build /app /app
COPY --from=models --chown=1000:1000 /models /models
RUN ln -s /app/dist/cli.js /usr/local/bin/face-search && ln -s /app/dist/supervisor.js /usr/local/bin/face-search-worker
WORKDIR /app
USER 1000:1000
EXPOSE 3000
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s CMD ["face-search", "status", "--check"]
ENTRYPOINT []
CMD ["face-search-worker"]
