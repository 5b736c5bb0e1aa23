# Interdict in a container: Node, the compiled program and its packages, without package managers.
# Run it with a read-only root file system, your own rules, and a volume for the query log:
#   docker run --read-only --cap-drop ALL --cap-add NET_BIND_SERVICE -p 53:53/udp -p 53:53/tcp \
#     -v ./rules:/etc/interdict/rules:ro -v interdict-log:/var/log/interdict interdict
# `npm run test:container` builds, inspects and runs it. There are two images:
#   docker build --target gateway .   without reports and archives, and without a distribution: nothing but
#                                     Node, its libraries and the program
#   docker build --target full .      with DuckDB and ECharts, on Debian
# Docker, Podman and Buildah build both.
ARG BASE=node:24-trixie-slim

FROM ${BASE} AS build
WORKDIR /build
COPY package.json package-lock.json ./
# No package needs install scripts, so none may run.
RUN npm ci --ignore-scripts
COPY tsconfig.json ./
COPY tools tools
COPY src src
# The build starts the server once with them, to store what V8 compiles.
COPY rules rules
# For completion in the editor of the dashboard.
COPY docs/reference/schemas docs/reference/schemas
# What V8 compiles differs from build to build, so it is not shipped: two builds have the same files, and a start takes
# 0.1 s more. Packages are reinstalled, because `npm prune` leaves folders of removed ones behind.
RUN npm run build \
  && rm -r dist/bundle/serve/*.code node_modules \
  && npm ci --ignore-scripts --omit=dev --prefer-offline

FROM ${BASE} AS gateway-files
RUN apt-get update && apt-get install -y --no-install-recommends binutils libcap2-bin
COPY --from=build /build/node_modules/koffi /image/opt/interdict/node_modules/koffi
COPY --from=build /build/node_modules/@koromix /image/opt/interdict/node_modules/@koromix
COPY --from=build /build/dist/bundle /image/opt/interdict/dist/bundle
COPY package.json LICENSE /image/opt/interdict/
COPY rules /image/etc/interdict/rules
COPY docs/operations/container.yaml /image/etc/interdict/interdict.yaml
# Port 53 without root: the program has this one capability, and the container needs no other.
RUN node="$(readlink -f "$(command -v node)")" \
  && mkdir -p /image/usr/local/bin \
  # Without the names that only a debugger reads: 18 MB.
  && strip --strip-unneeded -o /image/usr/local/bin/node "$node" \
  && setcap cap_net_bind_service=+ep /image/usr/local/bin/node \
  && for library in $(ldd "$node" | grep -o '/[^ ]*'); do \
    mkdir -p "/image$(dirname "$library")" && cp -L "$library" "/image$library"; \
  done \
  && cd /image/opt/interdict \
  && find . -name '*.map' -delete \
  && rm $(grep -l '^// .*node_modules/echarts/' dist/bundle/bin/*.js) \
  && rm -rf node_modules/@koromix/*/musl_* \
  && find node_modules -type f ! -name '*.js' ! -name '*.cjs' ! -name '*.json' ! -name '*.node' -delete \
  # The last key of these settings is log.queries: without DuckDB there is no archive.
  && printf '    archive: false\n' >> /image/etc/interdict/interdict.yaml \
  && printf 'root:x:0:0:root:/:/sbin/nologin\ninterdict:x:5353:5353::/nonexistent:/sbin/nologin\n' \
    > /image/etc/passwd \
  && printf 'root:x:0:\ninterdict:x:5353:\n' > /image/etc/group \
  && install -d -o 5353 -g 5353 /image/var/log/interdict \
  && install -d -m 700 -o 5353 -g 5353 /image/var/lib/interdict

FROM scratch AS gateway
COPY --from=gateway-files /image /
ENV NODE_ENV=production PATH=/usr/local/bin
WORKDIR /opt/interdict
USER 5353:5353
VOLUME /var/log/interdict /var/lib/interdict
EXPOSE 53/udp 53/tcp
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=5s \
  CMD ["node", "/opt/interdict/dist/bundle/bin/interdict.js", "ping", "-c", "/etc/interdict/interdict.yaml"]
ENTRYPOINT ["node", "/opt/interdict/dist/bundle/bin/interdict.js"]
CMD ["serve", "-c", "/etc/interdict/interdict.yaml"]

FROM ${BASE} AS full
# Port 53 without root: the program has this one capability, and the container needs no other.
RUN export DEBIAN_FRONTEND=noninteractive \
  && apt-get update \
  && apt-get install -y --no-install-recommends libcap2-bin \
  && setcap cap_net_bind_service=+ep "$(readlink -f "$(command -v node)")" \
  && apt-get purge -y --auto-remove libcap2-bin \
  && apt-get clean \
  && rm -rf /var/lib/apt/lists/* /usr/local/lib/node_modules /opt/yarn* \
  && find /usr/local/bin -xtype l -delete \
  && groupadd --gid 5353 interdict \
  && useradd --uid 5353 --gid interdict --no-create-home --home-dir /nonexistent \
    --shell /usr/sbin/nologin interdict \
  && install -d -o interdict -g interdict /var/log/interdict \
  && install -d -m 700 -o interdict -g interdict /var/lib/interdict
ENV NODE_ENV=production
WORKDIR /opt/interdict
COPY --from=build /build/node_modules node_modules
COPY --from=build /build/dist/bundle dist/bundle
COPY package.json LICENSE ./
COPY rules /etc/interdict/rules
COPY docs/operations/container.yaml /etc/interdict/interdict.yaml
# By number, so that an orchestrator can verify that this is not root.
USER 5353:5353
VOLUME /var/log/interdict /var/lib/interdict
EXPOSE 53/udp 53/tcp
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=5s \
  CMD ["node", "/opt/interdict/dist/bundle/bin/interdict.js", "ping", "-c", "/etc/interdict/interdict.yaml"]
ENTRYPOINT ["node", "/opt/interdict/dist/bundle/bin/interdict.js"]
CMD ["serve", "-c", "/etc/interdict/interdict.yaml"]
