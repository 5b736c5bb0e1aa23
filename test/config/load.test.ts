import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { readAddress, readPrefix } from '../../src/base/values/address.js'
import { InterdictError } from '../../src/base/errors/error.js'
import { ALERT_EVENTS } from '../../src/gateway/config/alert-config.js'
import { loadConfig, readConfig } from '../../src/gateway/config/load-settings.js'
import { runs } from '../runs.js'
import { hasGroup } from '../../src/wire/tls/tls-algorithms.js'
import { makeCertificate } from '../tls/certificates.js'

const defaults = {
  file: '/etc/interdict/interdict.yaml',
  listen: [
    { address: '127.0.0.1', port: 5300 },
    { address: '::1', port: 5300 }
  ],
  tls: {
    handshakeTimeout: 5000,
    maxHandshakes: 500,
    ticketSecret: undefined,
    algorithms: { groups: [], ciphers: [], cipherSuites: [] }
  },
  workers: 'auto',
  transport: 'auto',
  warmUp: 'upgrade',
  rules: resolve('/etc/interdict/rules'),
  outsideFolders: [],
  bundle: undefined,
  activation: { activate: 'on-save', tests: 'refuse' },
  mandates: undefined,
  upstreams: {
    servers: [],
    useResolvConf: true,
    forward: [],
    timeout: 800,
    giveUp: 4000,
    caseRandomization: true,
    cookies: true,
    sourcePorts: [[1024, 65_535]],
    idleProbe: 5000,
    loopCheck: 60
  },
  cache: {
    size: 64 * 1024 * 1024,
    minTtl: 0,
    maxTtl: 86_400,
    negativeMaxTtl: 3600,
    failureTtl: 5,
    staleMax: 86_400,
    staleAfter: 1800,
    staleRecheck: 30,
    prefetch: true
  },
  tcp: { idle: 10_000, maxConnections: 1000, maxConnectionsPerClient: 100, maxInFlight: 100 },
  limits: {
    queriesPerSecond: 0,
    responsesPerSecond: 0,
    burst: 2000,
    slip: 2,
    cpuShare: 0.25,
    bits: { ipv4: 32, ipv6: 56 },
    exempt: []
  },
  frontEnds: { proxyProtocol: [], clientSubnet: [] },
  identity: { version: '', name: '' },
  discovery: undefined,
  acme: undefined,
  structuredErrors: { enabled: true, optionCode: 0, unencrypted: true, filteringDatabase: '' },
  specialUse: { answer: true, except: [] },
  dnssec: { trustAnchors: [] },
  rebindingGuard: {
    enabled: false,
    allow: [],
    addresses: [
      ...['0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16'],
      ...['172.16.0.0/12', '192.168.0.0/16', '::/127', '64:ff9b:1::/48', 'fc00::/7', 'fe80::/10']
    ].map(readPrefix)
  },
  cookies: { server: true, secretFile: undefined },
  keyFiles: [],
  probe: { enabled: false, every: 60_000, namesPerBan: 3, control: [], caFile: undefined },
  state: { folder: '/var/lib/interdict' },
  history: { listSize: 1024 ** 2 },
  proxy: undefined,
  remoteLists: { bootstrap: [], caFile: undefined, timeout: 300_000, headerFiles: {} },
  transfers: { primaries: [], keys: [], maxSize: 536_870_912, maxTime: 300_000 },
  bindings: { feeds: [], skew: 5000, limit: 200_000 },
  egress: { connections: undefined, firewall: undefined, learnFor: 600_000, exportKey: undefined },
  admin: {
    socket: {
      paths: ['/run/interdict/admin.sock', '/var/lib/interdict/admin.sock'],
      position: undefined
    },
    http: undefined,
    tls: undefined,
    tokens: '/var/lib/interdict/tokens.json',
    readyRequires: [],
    maxPause: 3_600_000,
    approval: 'none',
    dashboard: true,
    hub: undefined,
    oidc: undefined
  },
  alerts: [],
  reports: [],
  catalogue: undefined,
  asnDatabase: undefined,
  smtp: undefined,
  fleet: undefined,
  log: {
    service: { level: 'info', destination: 'stderr' },
    queries: {
      which: 'bans',
      path: '/var/log/interdict/queries.jsonl',
      flush: 200,
      rotation: { octets: 256 * 1024 * 1024, daily: true },
      archive: true,
      chain: undefined,
      witness: undefined,
      retention: undefined,
      privacy: {
        ...{ default: 'full', networks: [], bits: { ipv4: 24, ipv6: 56 }, preservePrefix: false },
        keys: { folder: '/var/lib/interdict/keys', rotation: 'daily', keep: 90 * 86_400_000 }
      }
    },
    outputs: []
  },
  shutdown: { grace: 5000, lameDuck: 0 }
}

const FILE = '/etc/interdict/interdict.yaml'

for (const text of ['', '# nothing\n', 'cache:\nlog:\n  queries:\n']) {
  t.test(`takes ${JSON.stringify(text)} for the defaults`, async t => {
    t.strictSame(readConfig(text, FILE), { ok: true, config: defaults })
  })
}

const reads = [
  {
    it: 'endpoints of both families and wildcards',
    text: 'listen: ["0.0.0.0:53", "[::]:53", "[2001:DB8::0]:0"]',
    config: {
      listen: [
        { address: '0.0.0.0', port: 53 },
        { address: '::', port: 53 },
        { address: '2001:db8::', port: 0 }
      ]
    }
  },
  {
    it: 'a listener for DNS over TLS',
    text: 'listen:\n  - 127.0.0.1:53\n  - { address: 127.0.0.1:853, protocol: dot, certificate: c.pem, key: /k.pem }',
    config: {
      listen: [
        { address: '127.0.0.1', port: 53 },
        {
          ...{ address: '127.0.0.1', port: 853 },
          certificates: [
            {
              certificate: '/etc/interdict/c.pem',
              key: '/k.pem',
              position: { file: FILE, line: 3, column: 59 }
            }
          ]
        }
      ]
    }
  },
  {
    it: 'listeners for DNS over HTTPS',
    text: `listen:
  - { address: 127.0.0.1:443, protocol: doh, certificate: c.pem, key: c.pem }
  - { address: '[::1]:443', protocol: doh, path: /a-b/~c, certificates: [{ certificate: c.pem, key: c.pem }] }`,
    config: {
      listen: [
        { ...{ address: '127.0.0.1', port: 443 }, certificates: [{}], dohPath: '/dns-query' },
        { ...{ address: '::1', port: 443 }, certificates: [{}], dohPath: '/a-b/~c' }
      ]
    }
  },
  {
    it: 'client certificates: by default with DNS over TLS only, or by server name',
    text: `listen:
  - { address: 127.0.0.1:853, protocol: dot, certificate: c.pem, key: c.pem }
  - { address: 127.0.0.1:854, protocol: dot, certificate: c.pem, key: c.pem, client-certificates: off }
  - { address: 127.0.0.1:443, protocol: doh, certificate: c.pem, key: c.pem }
  - address: 127.0.0.1:444
    protocol: doh
    client-certificates: ask
    certificates:
      - { certificate: c.pem, key: c.pem, client-certificates: off }
      - { certificate: c.pem, key: c.pem, names: [Devices.dns.example] }`,
    config: {
      listen: [
        { certificates: [{ requestsClientCertificates: true }] },
        { certificates: [{ requestsClientCertificates: false }] },
        { certificates: [{ requestsClientCertificates: false }] },
        {
          certificates: [
            { requestsClientCertificates: false },
            { requestsClientCertificates: true, serverNames: ['devices.dns.example'] }
          ]
        }
      ]
    }
  },
  {
    it: 'several certificates, and what belongs to TLS',
    text: `listen:
  - address: '[::1]:853'
    protocol: dot
    certificates:
      - { certificate: a.pem, key: a.key }
      - { certificate: b.pem, key: b.key }
tls: { handshake-timeout: 2s, max-handshakes: 9, ticket-secret: secret, groups: [X25519, P-256] }`,
    config: {
      listen: [
        {
          ...{ address: '::1', port: 853 },
          certificates: [
            {
              ...{ certificate: '/etc/interdict/a.pem', key: '/etc/interdict/a.key' },
              position: { file: FILE, line: 5, column: 9 }
            },
            {
              ...{ certificate: '/etc/interdict/b.pem', key: '/etc/interdict/b.key' },
              position: { file: FILE, line: 6, column: 9 }
            }
          ]
        }
      ],
      tls: {
        ...{ handshakeTimeout: 2000, maxHandshakes: 9 },
        ticketSecret: {
          path: '/etc/interdict/secret',
          position: { file: FILE, line: 7, column: 65 }
        },
        algorithms: { groups: ['X25519', 'P-256'] }
      }
    }
  },
  {
    it: 'upstreams with and without a port',
    text: 'upstreams: { servers: [192.0.2.1, "192.0.2.2:5353", 2001:db8::1, "[2001:db8::2]:54"] }',
    config: {
      upstreams: {
        servers: [
          { address: '192.0.2.1', port: 53 },
          { address: '192.0.2.2', port: 5353 },
          { address: '2001:db8::1', port: 53 },
          { address: '2001:db8::2', port: 54 }
        ]
      }
    }
  },
  {
    it: 'upstreams over TLS',
    text: `upstreams: { servers: ["tls://192.0.2.1#dns.example", "tls://[2001:db8::1]:54#a.b", { address: "192.0.2.3:5", protocol: dot, pin-sha256: ${'A'.repeat(43)}= }, { address: 192.0.2.4, protocol: dot, opportunistic: true }, { address: 192.0.2.5, protocol: dns }] }`,
    config: {
      upstreams: {
        servers: [
          { address: '192.0.2.1', port: 853, tls: { name: 'dns.example', opportunistic: false } },
          { address: '2001:db8::1', port: 54, tls: { name: 'a.b', pins: [] } },
          { address: '192.0.2.3', port: 5, tls: { name: undefined, pins: [`${'A'.repeat(43)}=`] } },
          { address: '192.0.2.4', port: 853, tls: { opportunistic: true } },
          { address: '192.0.2.5', port: 53, tls: undefined }
        ]
      }
    }
  },
  {
    it: 'upstreams over HTTPS',
    text: `upstreams: { servers: [
      "https://dns.example/dns-query@192.0.2.1", "https://dns.example/q?k=a@b{?dns}@[2001:db8::1]",
      "https://dns.example:8443@192.0.2.3", "https://dns.example:8443/a@2001:db8::4",
      "https://dns.example/a@[2001:db8::4]:44",
      { address: 192.0.2.5, protocol: doh, name: a.example },
      { address: 192.0.2.6, protocol: doh, port: 44, path: /a, opportunistic: true },
      { address: 192.0.2.7, protocol: dot, port: 44, opportunistic: true }] }`,
    config: {
      upstreams: {
        servers: [
          { address: '192.0.2.1', port: 443, tls: { name: 'dns.example', path: '/dns-query' } },
          { address: '2001:db8::1', port: 443, tls: { name: 'dns.example', path: '/q?k=a@b' } },
          { address: '192.0.2.3', port: 8443, tls: { name: 'dns.example', path: '/dns-query' } },
          { address: '2001:db8::4', port: 8443, tls: { name: 'dns.example', path: '/a' } },
          { address: '2001:db8::4', port: 44, tls: { name: 'dns.example', path: '/a' } },
          { address: '192.0.2.5', port: 443, tls: { name: 'a.example', path: '/dns-query' } },
          { address: '192.0.2.6', port: 44, tls: { name: undefined, path: '/a' } },
          { address: '192.0.2.7', port: 44, tls: { name: undefined, path: undefined } }
        ]
      }
    }
  },
  {
    it: 'upstreams asked in the case of who asked',
    text: 'upstreams: { case-randomization: false, cookies: false }',
    config: { upstreams: { caseRandomization: false, cookies: false } }
  },
  {
    it: 'where clients find encrypted listeners',
    text: `discovery: { name: DNS.example., addresses: ['2001:DB8::1'] }`,
    config: { discovery: { name: 'dns.example', addresses: ['2001:db8::1'] } }
  },
  {
    it: 'how certificates are ordered',
    text: 'acme: { directory: https://acme.example/dir, names: [DNS.example, 192.0.2.1] }',
    config: {
      acme: {
        directory: 'https://acme.example/dir',
        accountKey: '/var/lib/interdict/acme-account.key',
        names: ['dns.example', '192.0.2.1'],
        challenge: { type: 'http-01', listen: { address: '::', port: 80 } },
        files: undefined,
        externalAccount: undefined
      }
    }
  },
  {
    it: 'upstreams for some names',
    text: 'upstreams: { forward: { Corp.Example.: [10.0.0.53] } }',
    config: {
      upstreams: {
        forward: [
          {
            domain: 'Corp.Example.',
            name: Uint8Array.from([4, ...Buffer.from('corp'), 7, ...Buffer.from('example'), 0]),
            servers: [{ address: '10.0.0.53', port: 53 }]
          }
        ]
      }
    }
  },
  {
    it: 'durations and sizes in all units',
    text: 'cache: { size: 1GB, max-ttl: 2h, failure-ttl: 1m }\nshutdown: { grace: 1500ms, lame-duck: 3s }\nadmin: { http: "[::1]:8053" }',
    config: {
      cache: { size: 1024 ** 3, maxTtl: 7200, failureTtl: 60 },
      shutdown: { grace: 1500, lameDuck: 3000 },
      admin: { http: { address: '::1', port: 8053 } }
    }
  },
  {
    it: 'paths from the folder of the file',
    text: 'rules: ../policy\nlog: { service: { file: /var/log/x }, queries: { file: /srv/q.jsonl } }',
    config: {
      rules: resolve('/etc/policy'),
      log: {
        service: { destination: { path: resolve('/var/log/x') } },
        queries: { path: resolve('/srv/q.jsonl') }
      }
    }
  },
  {
    it: 'how long lookups are kept, and how it is proven',
    text: 'log: { queries: { keep: { days: 90, space: 2GB, networks: { guests: 7 } }, chain: { sign-key: k.pem } } }',
    config: {
      log: {
        queries: {
          retention: { days: 90, space: 2 * 1024 ** 3, networks: [{ id: 'guests', days: 7 }] },
          chain: {
            signKey: resolve('/etc/interdict/k.pem'),
            earlierKeys: [],
            checkpoint: 3_600_000,
            coversLive: false
          },
          witness: undefined
        }
      }
    }
  },
  {
    it: 'who confirms the query log',
    text: 'log: { queries: { chain: { sign-key: k.pem }, witness: { tsa: { url: "https://tsa.example/", ca-file: tsa.pem } } } }',
    config: {
      log: {
        queries: {
          chain: { checkpoint: 600_000, coversLive: true },
          witness: {
            every: 600_000,
            tsa: { url: 'https://tsa.example/', caFile: resolve('/etc/interdict/tsa.pem') }
          }
        }
      }
    }
  },
  {
    it: 'limits for one client',
    text: 'limits: { queries-per-second: 50, ipv6-prefix: 48, exempt: [192.0.2.0/24] }',
    config: {
      limits: {
        queriesPerSecond: 50,
        bits: { ipv4: 32, ipv6: 48 },
        exempt: [{ address: readAddress('192.0.2.0'), length: 120 }]
      }
    }
  },
  {
    it: 'no HTTP API without TLS where others could listen',
    text: 'admin: { http: "0.0.0.0:8053" }',
    config: { admin: { tokens: undefined } }
  },
  {
    it: 'the HTTP API over TLS',
    text: 'admin: { http: "0.0.0.0:8053", tls: { certificate: c.pem, key: k.pem }, tokens: /x/t.json }',
    config: {
      admin: {
        tls: {
          certificate: resolve('/etc/interdict/c.pem'),
          key: resolve('/etc/interdict/k.pem'),
          position: { file: FILE, line: 1, column: 52 }
        },
        tokens: '/x/t.json'
      }
    }
  },
  {
    it: 'no HTTP API',
    text: 'admin: { http: "127.0.0.1:8053", tokens: off }',
    config: { admin: { tokens: undefined } }
  },
  {
    it: 'an admin socket, and where it is set',
    text: 'admin:\n  socket: run/admin.sock',
    config: {
      admin: {
        socket: {
          paths: [resolve('/etc/interdict/run/admin.sock')],
          position: { file: FILE, line: 2, column: 11 }
        }
      }
    }
  },
  {
    it: 'the hub of a fleet',
    text: 'admin: { hub: ../hub/hub.sock }',
    config: { admin: { hub: resolve('/etc/hub/hub.sock') } }
  },
  {
    it: 'a probe of the own bans',
    text: 'probe: { enabled: true, every: 30s, names-per-ban: 5, control: [example.com], ca-file: ca.pem }',
    config: {
      probe: {
        ...{ enabled: true, every: 30_000, namesPerBan: 5 },
        control: [{ text: 'example.com', path: 'probe.control[0]' }],
        caFile: resolve('/etc/interdict/ca.pem')
      }
    }
  },
  {
    it: 'a folder for what is kept, and the admin socket in it',
    text: 'state: { folder: /srv/state }',
    config: {
      state: { folder: '/srv/state' },
      admin: { socket: { paths: ['/run/interdict/admin.sock', '/srv/state/admin.sock'] } }
    }
  },
  {
    it: 'no admin socket',
    text: 'admin: { socket: off }',
    config: { admin: { socket: undefined } }
  },
  { it: 'none as before', text: "admin: { socket: '' }", config: { admin: { socket: undefined } } },
  {
    it: 'how lists are fetched',
    text: 'remote-lists: { bootstrap: [192.0.2.53], ca-file: ca.pem, timeout: 30s }',
    config: {
      remoteLists: {
        bootstrap: [{ address: '192.0.2.53', port: 53 }],
        caFile: resolve('/etc/interdict/ca.pem'),
        timeout: 30_000,
        headerFiles: {}
      }
    }
  },
  { it: 'a number of workers', text: 'workers: 64', config: { workers: 64 } }
] as const

for (const { it, text, config } of reads) {
  t.test(`reads ${it}`, async t => t.match(readConfig(text, FILE), { ok: true, config }))
}

const refuses = [
  { it: 'an unknown key', text: 'chache: {}', at: [1, 1] },
  { it: 'an unknown key of a section', text: 'cache:\n  siez: 1MB', at: [2, 3] },
  { it: 'a listen address without a port', text: 'listen: [127.0.0.1]', at: [1, 10] },
  {
    it: 'a protocol that there is not',
    text: 'listen: [{ address: 127.0.0.1:443, protocol: doq, certificate: c, key: k }]',
    at: [1, 46]
  },
  ...['dns-query', '/dns-query{?dns}', '/a?b', `/${'a'.repeat(255)}`].map(path => ({
    it: `the path ${path} of DNS over HTTPS`,
    text: `listen: [{ address: 127.0.0.1:443, path: '${path}', protocol: doh, certificate: c, key: k }]`,
    at: [1, 42] as const
  })),
  {
    it: 'a path of DNS over TLS',
    text: 'listen: [{ address: 127.0.0.1:853, path: /x, protocol: dot, certificate: c, key: k }]',
    at: [1, 42]
  },
  {
    it: 'TLS without a certificate',
    text: 'listen: [{ address: 127.0.0.1:853, protocol: dot, key: k }]',
    at: [1, 10]
  },
  {
    it: 'TLS without a key',
    text: 'listen: [{ address: 127.0.0.1:853, protocol: dot, certificate: c }]',
    at: [1, 10]
  },
  {
    it: 'one certificate and several',
    text: 'listen: [{ address: 127.0.0.1:853, protocol: dot, key: k, certificates: [{ certificate: c, key: k }] }]',
    at: [1, 73]
  },
  {
    it: 'a server name at two certificates',
    text: 'listen: [{ address: 127.0.0.1:853, protocol: dot, certificates: [{ certificate: c, key: k, names: [a.b] }, { certificate: c, key: k, names: [A.b] }] }]',
    at: [1, 65]
  },
  {
    it: 'a listener that nobody can use',
    text: 'listen: [{ address: 127.0.0.1:853, anonymous-clients: refuse, protocol: dot, client-certificates: off, certificate: c, key: k }]',
    at: [1, 55]
  },
  { it: 'IPv6 without brackets', text: 'listen: ["::1:53"]', at: [1, 10] },
  { it: 'IPv4 in brackets', text: 'listen: ["[127.0.0.1]:53"]', at: [1, 10] },
  { it: 'a port over 65535', text: 'listen: ["127.0.0.1:65536"]', at: [1, 10] },
  { it: 'a host name to listen on', text: 'listen: ["localhost:53"]', at: [1, 10] },
  { it: 'nothing to listen on', text: 'listen: []', at: [1, 9] },
  { it: 'one endpoint twice', text: 'listen: ["[::1]:53", "[0::1]:53"]', at: [1, 22] },
  { it: 'no workers', text: 'workers: 0', at: [1, 10] },
  { it: 'too many workers', text: 'workers: 65', at: [1, 10] },
  { it: 'half a worker', text: 'workers: 0.5', at: [1, 10] },
  { it: 'an unknown transport', text: 'transport: fast', at: [1, 12] },
  { it: 'an unknown time to warm up', text: 'warm-up: never', at: [1, 10] },
  { it: 'a duration without a unit', text: 'shutdown: { grace: 5 }', at: [1, 20] },
  { it: 'a duration in an unknown unit', text: 'shutdown: { grace: 5y }', at: [1, 20] },
  { it: 'a negative duration', text: 'shutdown: { grace: -5s }', at: [1, 20] },
  { it: 'a TTL of half a second', text: 'cache: { min-ttl: 500ms }', at: [1, 19] },
  { it: 'a size beyond its limit', text: 'cache: { size: 65GB }', at: [1, 16] },
  { it: 'a failure TTL over 5 minutes', text: 'cache: { failure-ttl: 301s }', at: [1, 23] },
  { it: 'a least TTL over the most', text: 'cache: { min-ttl: 2m, max-ttl: 1m }', at: [1, 19] },
  { it: 'a try over all tries', text: 'upstreams: { timeout: 2s, give-up: 1s }', at: [1, 23] },
  { it: 'giving up after stubs do', text: 'upstreams: { give-up: 5s }', at: [1, 23] },
  { it: 'system ports', text: "upstreams: { source-ports: ['53-65535'] }", at: [1, 29] },
  { it: 'one port', text: "upstreams: { source-ports: ['50000'] }", at: [1, 29] },
  { it: 'assigned ports', text: "upstreams: { source-ports: ['1024-3000'] }", at: [1, 28] },
  { it: 'no ports', text: 'upstreams: { source-ports: [] }', at: [1, 28] },
  {
    it: 'a TLS upstream without a name',
    text: 'upstreams: { servers: ["tls://192.0.2.1"] }',
    at: [1, 24]
  },
  ...[
    'https://dns.example/dns-query',
    'https://dns.example/dns-query@dns.example.org',
    'https://dns.example:8443/a@192.0.2.1:8443',
    'https://dns.example:8443/a@[2001:db8::1]:8443',
    'https://192.0.2.1/dns-query@192.0.2.1',
    'https://dns.example/a{x}@192.0.2.1',
    'https://dns.example/a#b@192.0.2.1',
    'http://dns.example/dns-query@192.0.2.1'
  ].map(server => ({
    it: `an upstream ${server}`,
    text: `upstreams: { servers: ["${server}"] }`,
    at: [1, 24] as const
  })),
  {
    it: 'a path of an upstream without HTTPS',
    text: 'upstreams: { servers: [{ address: 192.0.2.1, protocol: dot, name: a.example, path: /a }] }',
    at: [1, 84]
  },
  {
    it: 'two ports of an upstream',
    text: 'upstreams: { servers: [{ address: "192.0.2.1:44", protocol: doh, name: a.example, port: 44 }] }',
    at: [1, 89]
  },
  {
    it: 'a TLS upstream with neither name nor key',
    text: 'upstreams: { servers: [{ address: 192.0.2.1, protocol: dot }] }',
    at: [1, 24]
  },
  {
    it: 'a name of an upstream in clear',
    text: 'upstreams: { servers: [{ address: 192.0.2.1, protocol: dns, name: dns.example }] }',
    at: [1, 67]
  },
  {
    it: 'authorities for a key alone',
    text: `upstreams: { servers: [{ address: 192.0.2.1, protocol: dot, pin-sha256: ${'A'.repeat(43)}=, ca: a }] }`,
    at: [1, 123]
  },
  {
    it: 'a client certificate without a key',
    text: 'upstreams: { servers: [{ address: 192.0.2.1, protocol: dot, name: a.example, client-certificate: a }] }',
    at: [1, 24]
  },
  { it: 'an upstream by name', text: 'upstreams: { servers: [dns.example] }', at: [1, 24] },
  { it: 'an upstream at port 0', text: 'upstreams: { servers: ["192.0.2.1:0"] }', at: [1, 24] },
  { it: 'an upstream at no address', text: 'upstreams: { servers: [0.0.0.0] }', at: [1, 24] },
  { it: 'itself as upstream', text: 'upstreams: { servers: ["127.0.0.1:5300"] }', at: [1, 24] },
  {
    it: 'itself as upstream behind a wildcard',
    text: 'listen: ["0.0.0.0:53"]\nupstreams: { servers: [192.0.2.1, 127.0.0.9] }',
    at: [2, 35]
  },
  {
    it: 'itself as upstream for some names',
    text: 'listen: ["[::]:53"]\nupstreams: { forward: { example: ["::1"] } }',
    at: [2, 35]
  },
  {
    it: 'a wrong name to forward',
    text: 'upstreams: { forward: { a..b: [192.0.2.1] } }',
    at: [1, 25]
  },
  { it: 'no upstreams for a name', text: 'upstreams: { forward: { example: [] } }', at: [1, 34] },
  {
    it: 'tokens without TLS on an address that others reach',
    text: 'admin: { http: 192.0.2.1:8053, tokens: /t.json }',
    at: [1, 16]
  },
  { it: 'a certificate without its key', text: 'admin: { tls: { certificate: c } }', at: [1, 15] },
  { it: 'a prefix with host bits', text: 'limits: { exempt: [192.0.2.1/24] }', at: [1, 20] },
  { it: 'half a query per second', text: 'limits: { queries-per-second: 0.5 }', at: [1, 31] },
  { it: 'clients by IPv6 address', text: 'limits: { ipv6-prefix: 128 }', at: [1, 24] },
  {
    it: 'an admin socket whose path is too long for the system',
    text: `admin:\n  socket: ${'x'.repeat(107 - '/etc/interdict/'.length + 1)}`,
    at: [2, 11]
  },
  { it: 'an unknown log level', text: 'log: { service: { level: debug } }', at: [1, 26] },
  {
    it: 'more days for a network than for all',
    text: 'log:\n  queries:\n    keep:\n      days: 7\n      networks: { guests: 8 }',
    at: [5, 27]
  },
  {
    it: 'a key of the chain in the folder of the log',
    text: 'log:\n  queries:\n    chain:\n      sign-key: /var/log/interdict/k.pem',
    at: [4, 17]
  },
  {
    it: 'a witness without a chain',
    text: 'log:\n  queries:\n    witness: { tsa: { url: "http://tsa.example", ca-file: tsa.pem } }',
    at: [3, 14]
  },
  {
    it: 'a hub as witness without a fleet',
    text: 'log:\n  queries:\n    chain: { sign-key: k.pem }\n    witness: { hub-key: MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE= }',
    at: [4, 25]
  },
  {
    it: 'a witness by HTTP that is a syslog server',
    text: 'log:\n  queries:\n    chain: { sign-key: k.pem }\n    witness: { syslog: { to: "https://logs.example" } }',
    at: [4, 30]
  },
  {
    it: 'a time-stamping authority without its certificate',
    text: 'log:\n  queries:\n    chain: { sign-key: k.pem }\n    witness: { tsa: { url: "http://tsa.example" } }',
    at: [4, 21]
  },
  { it: 'an empty path', text: 'rules: ""', at: [1, 8] },
  { it: 'state in /etc', text: 'state: { folder: var }', at: [1, 18] },
  { it: 'a query log in /etc', text: 'log: { queries: { file: q.jsonl } }', at: [1, 25] },
  { it: 'a service log in /etc', text: 'log: { service: { file: s.log } }', at: [1, 25] },
  { it: 'keys in /etc', text: 'log: { queries: { privacy: { keys: k } } }', at: [1, 36] },
  {
    it: 'a spool in /etc',
    text: 'log:\n  outputs: [{ name: a, type: json, to: "tcp://h:1", spool: s }]',
    at: [2, 60]
  }
] as const

for (const { it, text, at } of refuses) {
  t.test(`refuses ${it}`, async t => {
    const read = readConfig(text, FILE)
    const errors = read.ok ? [] : read.errors.map(({ code, position }) => ({ code, ...position }))
    const [line, column] = at
    t.strictSame(errors, [{ code: 'DOCUMENT_INVALID', file: FILE, line, column }])
  })
}

t.test('settings elsewhere have all that is written beside them', async t => {
  const text =
    'log: { service: { file: s.log }, queries: { file: q.jsonl } }\nstate: { folder: s }\n'
  t.match(readConfig(text, '/srv/interdict.yaml'), {
    ok: true,
    config: {
      state: { folder: '/srv/s' },
      log: {
        service: { destination: { path: '/srv/s.log' } },
        queries: { path: '/srv/q.jsonl', privacy: { keys: { folder: '/srv/keys' } } }
      }
    }
  })
})

t.test('shows all errors of a file at once', async t => {
  const read = readConfig('workers: 0\ntcp: { idle: soon }\nlisten: 5\n', FILE)
  t.equal(read.ok ? 0 : read.errors.length, 3)
})

const nearMisses = [
  {
    text: 'cache: { size: 64mb }',
    problem:
      "cache.size: expected a size from 1MB to 64GB (units: B, KB, MB, GB), found '64mb'; write 64MB"
  },
  { text: 'discovery: { name: $(reboot).example }', problem: /a host name such as dns\.example/ },
  { text: 'discovery: { name: dns }', problem: /a host name such as dns\.example, found 'dns'$/ },
  { text: 'acme: { directory: http://a.example }', problem: /an https URL, found / },
  { text: 'acme: { contact: [ops] }', problem: /a mail address, found 'ops'/ },
  {
    text: 'acme: { names: [1.2.3.4.5] }',
    problem: /a host name such as dns\.example, found/
  },
  {
    text: 'acme: { certificate: /var/lib/c.pem }',
    problem: /acme\.key: missing; expected a path, as for/
  },
  {
    text: 'acme: { challenge: dns-01 }',
    problem: /acme\.dns-hook: missing; expected the path of a program/
  },
  { text: 'acme: { external-account: { id: x } }', problem: /both id and key-file, or neither/ },
  { text: 'acme: { account-key: a.key }', problem: /an absolute path such as .*acme-account\.key/ },
  {
    text: 'tls: { groups: [X25519, P-512] }',
    problem: /groups\[1\]: expected one of [^]*found 'P-512'/
  },
  { text: 'tls: { groups: [X25519, X25519] }', problem: /expected each name once, found/ },
  { text: 'tls: { ciphers: [AES128-SHA] }', problem: /expected one of ECDHE-.*found 'AES128-SHA'/ },
  { text: 'tls: { cipher-suites: AES }', problem: /expected a list.*found 'AES'/ },
  ...(hasGroup('X25519MLKEM768')
    ? []
    : [
        {
          text: 'tls: { groups: [X25519MLKEM768] }',
          problem: /expected a group that the OpenSSL of this Node\.js has, found 'X25519MLKEM768'$/
        }
      ]),
  { text: 'tcp: { idle: 5 seconds }', problem: /found '5 seconds'; write 5s$/ },
  { text: "workers: '4'", problem: /found '4'; write 4 without quotes$/ },
  { text: 'log: { service: { level: warning } }', problem: /'warning'; did you mean 'warn'\?$/ },
  { text: 'upstreams: { use-resolv-conf: off }', problem: /found 'off'; write false$/ },
  {
    text: 'listen: 127.0.0.1:53',
    problem: /found '127\.0\.0\.1:53'; write \['127\.0\.0\.1:53'\]$/
  },
  {
    text: 'limits: { exempt: [10.1.2.3/8] }',
    problem: /; it has host bits: write 10\.0\.0\.0\/8, or 10\.1\.2\.3/
  },
  { text: 'chache: {}', problem: "unknown key 'chache'; did you mean 'cache'?" }
] as const

for (const { text, problem } of nearMisses) {
  t.test(`suggests what was meant by ${text}`, async t => {
    const read = readConfig(text, FILE)
    const [error, ...more] = read.ok ? [] : read.errors
    t.strictSame(more, [])
    t.match(error, { code: 'DOCUMENT_INVALID' })
    t.match(error?.message.replace(/^.*?:\d+:\d+: /, ''), problem)
  })
}

t.test('reads an existing file', async t => {
  const folder = t.testdir({})
  writeFileSync(join(folder, 'x.yaml'), 'workers: 3\n')
  const loaded = await loadConfig(join(folder, 'x.yaml'))
  t.match(loaded, { ok: true, config: { workers: 3, rules: join(folder, 'rules') } })
})

t.test('refuses a missing file that was named', async t => {
  const loaded = await loadConfig(join(t.testdir({}), 'none.yaml'))
  t.match(loaded, { ok: false, errors: [{ code: 'CONFIG_UNREADABLE' }] })
})

t.test('does not use defaults in place of a file with the other extension', async t => {
  const folder = t.testdir({ 'interdict.yml': 'workers: 3\n' })
  const before = process.cwd()
  process.chdir(folder)
  try {
    for (const named of [undefined, 'interdict.yaml']) {
      const loaded = await loadConfig(named)
      t.match(loaded, { ok: false, errors: [{ code: 'CONFIG_UNREADABLE' }] })
      const hint = /rename interdict\.yml to interdict\.yaml, or name it with --config/
      t.match(loaded, { errors: [{ message: hint }] })
    }
    t.match(await loadConfig('interdict.yml'), { ok: true, config: { workers: 3 } })
  } finally {
    process.chdir(before)
  }
})

t.test('reads outputs, with defaults filled in', async t => {
  const text =
    'log: { outputs: [{ name: siem, type: syslog, to: "tls://[2001:db8::1]:6514", ca: ca.pem }] }'
  const read = readConfig(text, FILE)
  t.match(read, {
    config: {
      log: {
        outputs: [
          {
            to: { kind: 'tls', host: '2001:db8::1', port: 6514 },
            tls: { ca: '/etc/interdict/ca.pem', serverName: '2001:db8::1' },
            ...{ which: 'all', format: 'interdict' }
          }
        ]
      }
    }
  })
})

const URLS = [
  { to: 'http://[2001:db8::1]:4318', kind: 'http', host: '2001:db8::1', port: 4318 },
  { to: 'https://otlp.example', kind: 'https', host: 'otlp.example', port: 443 },
  { to: 'http://otlp.example/', kind: 'http', host: 'otlp.example', port: 80 },
  { to: 'https://otlp.example:1/in/logs?a=b', host: 'otlp.example', port: 1, path: '/in/logs?a=b' }
] as const

for (const { to, ...wanted } of URLS) {
  t.test(`reads ${to} as an OTLP address`, async t => {
    const text = `log: { outputs: [{ name: otel, type: otlp, to: '${to}', headers: secret, compression: gzip }] }`
    const output = {
      to: { path: '/v1/logs', ...wanted },
      headers: '/etc/interdict/secret',
      compression: 'gzip'
    }
    t.match(readConfig(text, FILE), { config: { log: { outputs: [output] } } })
  })
}

const NO_URLS = [
  { it: 'OTLP over a socket', output: "type: otlp, to: 'tcp://192.0.2.1:4318'" },
  { it: 'syslog to a URL', output: "type: syslog, to: 'http://192.0.2.1:514'" },
  { it: 'a path of no URL', output: "type: json, to: 'tcp://192.0.2.1:514/v1/logs'" },
  { it: 'a port that there is not', output: "type: otlp, to: 'http://192.0.2.1:70000'" },
  { it: 'headers of no requests', output: "type: json, to: 'tcp://192.0.2.1:1', headers: a" },
  { it: 'gzip of no requests', output: "type: json, to: 'tcp://192.0.2.1:1', compression: gzip" },
  { it: 'another compression', output: "type: otlp, to: 'http://192.0.2.1', compression: zstd" }
]

for (const { it, output } of NO_URLS) {
  t.test(`refuses ${it}`, async t => {
    const read = readConfig(`log: { outputs: [{ name: a, ${output} }] }`, FILE)
    t.match(read, { ok: false, errors: [{ code: 'DOCUMENT_INVALID' }] })
  })
}

t.test('reports all errors of invalid outputs at once', async t => {
  const text = `log:
  outputs:
    - { name: a, type: dnstap, to: 'udp://192.0.2.1:514' }
    - { name: a, type: json, to: 'unix:/run/a.sock', cert: a.pem }
    - { name: b, type: json, to: '192.0.2.1:514' }
`
  const one = readConfig(text, FILE)
  t.equal(one.ok, false)
  const shape = text.replace("'192.0.2.1:514'", "'tcp://192.0.2.1:514'")
  const other = readConfig(shape, FILE)
  const told = [one, other].flatMap(read => (read.ok ? [] : read.errors.map(e => e.message)))
  for (const place of [':3:', ':4:', ':5:'])
    t.ok(
      told.some(text => text.includes(place)),
      place
    )
})

t.test('reads alerts, with defaults filled in', async t => {
  const text = `alerts:
  - url: https://alerts.example/x?token=1
    secret-file: a.secret
  - { name: pager, url: 'http://[::1]:8080', events: [rules-refused], resend: 0s, ca-file: /ca.pem }
  - { url: 'http://relay.example/', allow-http: true, ending-within: 30d, timeout: 1s }
`
  t.match(readConfig(text, FILE), {
    config: {
      alerts: [
        {
          ...{ name: 'alerts.example', url: 'https://alerts.example/x?token=1' },
          ...{ events: ALERT_EVENTS, secretFile: '/etc/interdict/a.secret', caFile: undefined },
          ...{ endingWithin: 14 * 86_400_000, resend: 86_400_000, timeout: 10_000 },
          position: { file: FILE, line: 2, column: 5 }
        },
        { name: 'pager', events: ['rules-refused'], secretFile: undefined, caFile: '/ca.pem' },
        { name: 'relay.example', endingWithin: 30 * 86_400_000 }
      ]
    }
  })
  t.match(readConfig("alerts: [{ url: 'http://[::1]/' }]", FILE), {
    config: { alerts: [{ name: '::1' }] }
  })
})

t.test('refuses alerts that could not be sent, or not safely', async t => {
  const errorsOf = (hooks: string): string[] => {
    const read = readConfig(`alerts: [${hooks}]`, FILE)
    return read.ok ? [] : read.errors.map(({ message }) => message)
  }
  t.match(errorsOf("{ url: 'ftp://a.example' }"), [/expected a URL such as/])
  t.match(errorsOf('{ url: a.example }'), [/expected a URL such as/])
  t.match(errorsOf("{ url: 'http://a.example' }"), [/expected https:\/\/, or allow-http: true/])
  t.match(errorsOf("{ url: 'http://127.0.0.1.example' }"), [/allow-http/])
  t.match(errorsOf("{ url: 'https://a.example/1' }, { url: 'https://a.example/2' }"), [
    /alerts\[1\].*expected a name that no other hook has/
  ])
  t.match(errorsOf("{ url: 'https://a.example', events: [rules-refuse] }"), [/rules-refuse/])
  t.match(errorsOf("{ url: 'https://a.example', name: 'A b' }"), [/expected a name of a-z/])
})

t.test('returns a value or errors with codes for any text', async t => {
  const keys = ['listen', 'cache', 'size', 'log', 'upstreams', 'forward', '__proto__', 'x']
  const text = fc.oneof(
    fc.string({ maxLength: 200 }),
    fc.json().map(json => json.slice(0, 1000)),
    fc
      .array(fc.tuple(fc.constantFrom(...keys), fc.oneof(fc.string({ maxLength: 9 }), fc.json())))
      .map(pairs => pairs.map(([key, value]) => `${key}: ${value}`).join('\n'))
  )
  const holds = (text: string): boolean => {
    const read = readConfig(text, FILE)
    if (read.ok) return true
    return read.errors.length > 0 && read.errors.every(error => error instanceof InterdictError)
  }
  t.doesNotThrow(() => fc.assert(fc.property(text, holds), runs(500)))
})

t.test('reads the files of upstreams over TLS, and refuses those that cannot be used', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'interdict-load-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const [one, other] = [makeCertificate(), makeCertificate()]
  const files = { 'ca.pem': one.certificate, 'a.pem': one.certificate, 'a.key': one.key }
  for (const [name, text] of Object.entries({ ...files, 'b.key': other.key, 'no.pem': 'text' }))
    writeFileSync(join(folder, name), text)
  const read = (more: string): ReturnType<typeof readConfig> =>
    readConfig(
      `remote-lists: { bootstrap: [{ address: 192.0.2.1, protocol: dot, name: a.example, ${more} }] }`,
      join(folder, 'interdict.yaml')
    )
  const good = read('ca: ca.pem, client-certificate: a.pem, client-key: a.key')
  t.match(good.ok && good.config.remoteLists.bootstrap[0]!.tls, {
    ca: one.certificate,
    client: { certificate: one.certificate, key: one.key }
  })
  const wrong = [
    ['ca: missing.pem', /missing\.pem.*no such file/],
    ['ca: no.pem', /no\.pem/],
    ['client-certificate: a.pem, client-key: b.key', /a\.pem, b\.key.*key values mismatch/]
  ] as const
  for (const [text, says] of wrong) {
    const bad = read(text)
    const [error] = bad.ok ? [] : bad.errors
    t.match(error, { code: 'CONFIG_UPSTREAM_FILE', position: { line: 1, column: 29 } })
    t.match(error?.message, says)
  }
})
