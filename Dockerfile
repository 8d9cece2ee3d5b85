# `kck serve` for the project that is mounted at /project:
#
#   docker build -t kck .
#   docker run -p 8001:8001 -v ./shop:/project -e DATABASE_URL=postgres://... kck
#
# The package is built from this repository; a project of your own may also say `FROM kck` and `COPY . /project`.

FROM node:24-bookworm-slim AS build
WORKDIR /kck
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY . .
RUN npm run build -- /package

FROM node:24-bookworm-slim
ENV NODE_ENV=production
WORKDIR /opt/kck
COPY --from=build /package ./node_modules/kck
COPY --from=build /kck/package-lock.json ./node_modules/kck/
RUN cd node_modules/kck && npm install --omit=dev --omit=peer --ignore-scripts --no-audit --no-fund \
  && npm cache clean --force \
  && ln -s /opt/kck/node_modules/kck/bin/kck.js /usr/local/bin/kck \
  # What the project's `import ... from 'kck'` finds, when it has no node_modules of its own.
  && ln -s /opt/kck/node_modules /node_modules \
  && mkdir -p /project && chown node:node /project

USER node
WORKDIR /project
EXPOSE 8001
# A gateway, or auth in kck.config.ts, decides who gets here.
ENV KCK_HOST=0.0.0.0 KCK_PORT=8001
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.KCK_PORT}/healthz`).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["kck"]
CMD ["serve", "--json"]
