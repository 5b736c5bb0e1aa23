# Interdict in a container: Node, the compiled program and its packages, without package managers.
# Run it with a read-only root file system, your own rules, and a volume for the query log:
#   docker run --read-only --cap-drop ALL --cap-add NET_BIND_SERVICE -p 53:53/udp -p 53:53/tcp \
#     -v ./rules:/etc/interdict/rules:ro -v interdict-log:/var/log/interdict interdict
# `npm run test:container` builds, inspects and runs it.
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
# Packages are reinstalled, because `npm prune` leaves folders of removed ones behind.
RUN npm run build \
  && rm -r node_modules \
  && npm ci --ignore-scripts --omit=dev --prefer-offline

FROM ${BASE}
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
