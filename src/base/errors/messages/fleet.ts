/** Messages about a fleet of gateways, and its hub. */
export const FLEET = {
  FLEET_CREDENTIALS: (file: string, why: string) => `cannot use fleet credentials ${file}: ${why}`,
  FLEET_CONNECT: (servers: string, why: string) => `cannot connect to NATS at ${servers}: ${why}`,
  FLEET_PULL: (url: string, why: string) => `cannot use ${url}: ${why}`,
  FLEET_REPORT: (url: string, why: string) => `cannot report to ${url}: ${why}`,
  FLEET_MESSAGE: (from: string) => `${from} sent a malformed or oversized message; it is ignored`,
  FLEET_BUNDLE: (serial: number, why: string) => `cannot get bundle ${serial}: ${why}`,
  FLEET_ROOT: (version: number, why: string) => `cannot get root of trust ${version}: ${why}`,
  FLEET_OLDER: (serial: number, newest: number) =>
    `the fleet wants bundle ${serial}, but ${newest} was accepted here; it is ignored`,
  FLEET_WRITE: (path: string, why: string) => `cannot write the bundle to ${path}: ${why}`,
  FLEET_TOKEN: (why: string) => `enrolment failed: ${why}`,
  FLEET_LOGS: (to: string, why: string) => `cannot send logs to ${to}: ${why}`,
  FLEET_LOGS_STATE: (file: string, why: string) =>
    `cannot tell which logs the fleet has: ${file}: ${why}`,
  FLEET_LOGS_HELD: (day: string) =>
    `lookups of ${day} have expired, but are kept until the centre of the fleet confirms them`,
  FLEET_FOLDER: (folder: string, why: string) =>
    `cannot read the logs of a fleet in ${folder}: ${why}`,
  FLEET_FILE: (gateway: string, path: string, why: string) =>
    `cannot read a log file of gateway ${gateway}, left out: ${path}: ${why}`,
  HUB_EXISTS: (file: string) => `${file} exists already; nothing was written`,
  HUB_STATE: (file: string, why: string) => `cannot use ${file}: ${why}`,
  HUB_NATS: (why: string) => `NATS did not take it: ${why}`,
  HUB_PEERS: (replicas: number, why: string) =>
    `JetStream has fewer than ${replicas} servers for ${replicas} copies: ${why}; start the missing NATS server, or restart it`,
  HUB_ALTERED: (what: string) =>
    `content of NATS was changed by others: ${what}; it is restored from the state of the hub`,
  HUB_STANDBY: (leader: string | null) =>
    leader === null
      ? 'this hub does not lead the fleet: it cannot renew its lease in NATS; retry, or use the other hub'
      : `this hub is on standby: ${leader} leads the fleet; run the command there`,
  HUB_DROPPED: (leader: string, copy: string) =>
    `hub ${leader} has taken the lead; changes made here that had not reached NATS are dropped; ${copy} has them`,
  HUB_TWIN: (name: string) =>
    `another hub with the name ${name} runs; give each its own name: in hub.yaml`,
  HUB_SERVER: (server: string, version: string) =>
    `NATS server ${server} has version ${version}, through which a gateway can write elsewhere; install 2.10.27, 2.11.16, 2.12.7 or later`,
  HUB_LOGS: (file: string, why: string) => `cannot take ${file} into the central folder: ${why}`,
  HUB_LISTEN: (why: string) => `cannot serve the API of the hub: ${why}`,
  HUB_OFF: () => 'no fleet is shown here: admin.hub is not set',
  HUB_SILENT: (socket: string, why: string) => `no hub answers on ${socket}: ${why}`,
  HUB_RING: (ring: string) => `unknown ring ${ring}; define it under rings: in hub.yaml`,
  HUB_ORDER: (ring: string, first: string) =>
    `ring ${ring} gets bundles by promotion from ring ${first}; --now publishes to it at once`,
  HUB_SERIAL: (serial: number, newest: number) =>
    `bundle ${serial} is not newer than bundle ${newest}, which was published`,
  HUB_ROOT: (why: string) => `the hub does not take the root of trust: ${why}`,
  HUB_RULES: (serial: number, why: string) => `bundle ${serial} has invalid rules: ${why}`,
  HUB_NOTHING: (ring: string) => `there is no bundle for ring ${ring}`,
  HUB_EARLY: (ring: string, why: string) => `cannot promote to ring ${ring}: ${why}; --now does`,
  HUB_HALTED: (ring: string, why: string) => `ring ${ring} halted: ${why}`,
  HUB_GATEWAY: (name: string) => `unknown gateway ${name}`,
  HUB_BAN: (id: string) => `no published bundle has a ban ${id}`,
  HUB_TOKEN: (why: string) => `no enrolment token: ${why}`,
  HUB_FORECAST: (why: string) => `not published: ${why}; --now publishes it`,
  HUB_REPORT: (why: string) => `report dropped: ${why}`,
  HUB_REQUEST: (why: string) => `invalid request: ${why}`
} as const
