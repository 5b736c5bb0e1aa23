import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import t from 'tap'
import { readConfig } from '../../src/gateway/config/load-settings.js'
import {
  changedSections,
  pendingRestart,
  RESTART_KEYS,
  withoutRestart
} from '../../src/gateway/config/restart-keys.js'
import { settingsSchema } from '../../src/gateway/config/settings-schema.js'
import { keysOf } from '../yaml/schema-keys.js'

/** Sections and keys that change while the gateway runs. A new key belongs here, or to `RESTART_KEYS`. */
const IN_PLACE = [
  ...['rules', 'rules.bundle', 'rules.keys', 'rules.signatures'],
  ...['upstreams.servers', 'upstreams.use-resolv-conf', 'upstreams.forward', 'upstreams.timeout'],
  ...['upstreams.give-up', 'upstreams.case-randomization', 'upstreams.cookies'],
  'upstreams.source-ports',
  'warm-up',
  'upstreams.idle-probe',
  ...['admin.http', 'admin.tls', 'admin.tokens', 'admin.dashboard', 'admin.oidc'],
  ...['admin.ready-requires', 'admin.max-pause', 'admin.approval'],
  'upstreams.loop-check',
  ...['cache.min-ttl', 'cache.max-ttl', 'cache.negative-max-ttl', 'cache.failure-ttl'],
  ...['cache.stale-max', 'cache.stale-after', 'cache.stale-recheck', 'cache.prefetch'],
  ...['structured-errors.enabled', 'structured-errors.option-code'],
  ...['structured-errors.unencrypted', 'structured-errors.filtering-database'],
  'history.list-size',
  ...['identity.version', 'identity.name', 'cookies.server', 'cookies.secret-file'],
  ...['tcp.idle', 'tcp.max-connections', 'tcp.max-connections-per-client', 'tcp.max-in-flight'],
  ...['limits.queries-per-second', 'limits.responses-per-second', 'limits.burst', 'limits.slip'],
  'limits.cpu-percent',
  ...['limits.ipv4-prefix', 'limits.ipv6-prefix', 'limits.exempt'],
  ...['front-ends.proxy-protocol', 'front-ends.client-subnet'],
  ...['special-use.answer', 'special-use.except'],
  ...['rebinding-guard.enabled', 'rebinding-guard.allow', 'rebinding-guard.addresses'],
  'dnssec.trust-anchors',
  'catalogue',
  'asn-database',
  ...['proxy.url', 'proxy.credentials-file', 'proxy.ca-file', 'proxy.except'],
  ...[
    'remote-lists.bootstrap',
    'remote-lists.ca-file',
    'remote-lists.headers',
    'remote-lists.timeout'
  ],
  ...['transfers.primaries', 'transfers.primaries.address', 'transfers.primaries.key'],
  ...['transfers.keys', 'transfers.keys.algorithm', 'transfers.keys.secret-file'],
  ...['transfers.max-size', 'transfers.max-time'],
  'admin.hub',
  'admin.socket',
  ...['log.service.level', 'log.service.file', 'log.queries.which', 'log.queries.file'],
  ...['log.queries.flush', 'log.queries.rotate.size', 'log.queries.rotate.daily'],
  ...['log.queries.archive', 'log.queries.chain.sign-key', 'log.queries.chain.earlier-keys'],
  ...[
    'log.queries.witness.every',
    'log.queries.witness.tsa.url',
    'log.queries.witness.tsa.ca-file'
  ],
  ...['log.queries.witness.syslog.to', 'log.queries.witness.syslog.ca-file'],
  'log.queries.witness.hub-key',
  ...['log.queries.chain.checkpoint', 'log.queries.keep.days', 'log.queries.keep.space'],
  ...['log.queries.keep.networks', 'log.queries.privacy.default', 'log.queries.privacy.networks'],
  ...['log.queries.privacy.ipv4-prefix', 'log.queries.privacy.ipv6-prefix'],
  ...['log.queries.privacy.preserve-prefix', 'log.queries.privacy.keys'],
  ...['log.queries.privacy.rotate-keys', 'log.queries.privacy.keep-keys'],
  ...['log.outputs.name', 'log.outputs.type', 'log.outputs.to', 'log.outputs.which'],
  ...['log.outputs.format', 'log.outputs.ca', 'log.outputs.cert', 'log.outputs.key'],
  ...['log.outputs.headers', 'log.outputs.compression', 'log.outputs.server-name'],
  ...['log.outputs.spool', 'log.outputs.spool-size'],
  ...['alerts.name', 'alerts.url', 'alerts.events', 'alerts.secret-file', 'alerts.ca-file'],
  ...['alerts.allow-http', 'alerts.ending-within', 'alerts.resend', 'alerts.timeout'],
  ...['reports.name', 'reports.report', 'reports.ban', 'reports.at', 'reports.folder'],
  ...['reports.keep', 'reports.mail', 'smtp.host', 'smtp.port', 'smtp.tls', 'smtp.user'],
  ...['smtp.password-file', 'smtp.ca-file', 'smtp.timeout'],
  ...['discovery.name', 'discovery.addresses', 'acme', 'fleet', 'probe'],
  ...['shutdown.grace', 'shutdown.lame-duck']
]

t.test('of each key it is decided whether it needs a restart', async t => {
  // What is below a key that is listed is part of its value.
  const keys = [...keysOf(settingsSchema).keys()]
  const decided = [...IN_PLACE, ...Object.keys(RESTART_KEYS)]
  t.strictSame(
    keys.filter(key => !decided.some(one => key === one || key.startsWith(`${one}.`))),
    [],
    'decide, and say so in docs/reference/settings.md'
  )
  t.strictSame(
    decided.filter(key => !keys.includes(key) && !keys.some(one => one.startsWith(`${key}.`))),
    []
  )
})

t.test('docs/reference/settings.md marks the keys that need a restart', async t => {
  const page = readFileSync('docs/reference/settings.md', 'utf8')
  const rows = [...page.matchAll(/^\| `([a-z0-9.-]+)` .*$/gm)]
  const marked = rows.filter(([row]) => row.includes('(restart)')).map(([, key]) => key!)
  t.strictSame(marked.sort(), Object.keys(RESTART_KEYS).sort())
})

const configOf = (text: string) => {
  const read = readConfig(text, '/srv/interdict.yaml')
  if (!read.ok) throw read.errors[0]!
  return read.config
}

const RUNNING = configOf('')
const CHANGES: Readonly<Record<keyof typeof RESTART_KEYS, [text: string, wanted: string]>> = {
  listen: [
    "listen: ['[::1]:53', { address: '[::1]:443', protocol: doh, certificate: c.pem, key: k.pem }]",
    '[::1]:53 [::1]:443 /dns-query /srv/c.pem /srv/k.pem'
  ],
  'tls.handshake-timeout': ['tls: { handshake-timeout: 2s }', '2000ms'],
  'tls.max-handshakes': ['tls: { max-handshakes: 9 }', '9'],
  'tls.groups': ['tls: { groups: [P-256, X25519] }', 'P-256 X25519'],
  'tls.ciphers': [
    'tls: { ciphers: [ECDHE-ECDSA-AES256-GCM-SHA384] }',
    'ECDHE-ECDSA-AES256-GCM-SHA384'
  ],
  'tls.cipher-suites': [
    'tls: { cipher-suites: [TLS_AES_256_GCM_SHA384] }',
    'TLS_AES_256_GCM_SHA384'
  ],
  'tls.ticket-secret': ['tls: { ticket-secret: secret }', '/srv/secret'],
  workers: ['workers: 7', '7'],
  transport: ['transport: portable', 'portable'],
  'cache.size': ['cache: { size: 3000KB }', '3072000B'],
  'state.folder': ['state: { folder: other }', '/srv/other'],
  'egress.connections': ['egress: { connections: /run/observe/socket }', '/run/observe/socket'],
  'egress.firewall': ['egress: { firewall: /run/egress/socket }', '/run/egress/socket'],
  'egress.learn-for': ['egress: { learn-for: 1m }', '60000ms'],
  'egress.export-key': ['egress: { export-key: export.pem }', '/srv/export.pem'],
  'bindings.skew': ['bindings: { skew: 3s }', '3000ms'],
  'bindings.limit': ['bindings: { limit: 9 }', '9'],
  'bindings.feeds': [
    'bindings: { feeds: [{ name: kea, type: kea, file: leases.csv }] }',
    'kea kea /srv/leases.csv 4 5000 43200000 true'
  ]
}

for (const key of Object.keys(RESTART_KEYS)) {
  t.test(`${key} stays as it is, and is named`, async t => {
    const [text, wanted] = CHANGES[key]!
    const config = configOf(`${text}\nidentity: { name: new }\n`)
    const pending = pendingRestart(RUNNING, config)
    t.match(
      pending.find(one => one.key === key),
      { wanted }
    )
    const { identity, ...rest } = withoutRestart(RUNNING, config)
    t.strictSame(identity, { version: '', name: 'new' })
    const { keyFiles } = RUNNING // those of the file are checked: a restart will read them
    t.strictSame({ ...rest, keyFiles, identity: RUNNING.identity }, RUNNING)
  })
}

t.test('what is in the state folder by default stays in the present one', async t => {
  const outputs = 'name: a, type: json, to: "tcp://192.0.2.1:1"'
  const text = (more: string): string => `log: { outputs: [{ ${outputs} ${more} }] }\n`
  const running = configOf(text(''))
  const moved = withoutRestart(running, configOf(`${text('')}state: { folder: other }\n`))
  t.strictSame(moved, running)
  const own = withoutRestart(running, configOf(text(', spool: other')))
  t.equal(own.log.outputs[0]!.spool.folder, '/srv/other')
  t.equal(moved.admin.tokens, running.admin.tokens)
  t.equal(withoutRestart(running, configOf('admin: { tokens: t }')).admin.tokens, '/srv/t')
  t.equal(withoutRestart(running, configOf('admin: { socket: off }')).admin.socket, undefined)
  t.match(withoutRestart(running, configOf('admin: { socket: s }')).admin.socket, {
    paths: ['/srv/s']
  })
})

t.test('settings that only moved in the file have not changed', async t => {
  const text = 'admin: { socket: admin.sock }\nupstreams: { servers: [192.0.2.1] }\n'
  const [one, moved, other] = [text, `# a\n${text}`, text.replace('2.1', '2.2')].map((all, i) => {
    const read = readConfig(all, i === 0 ? 'interdict.yaml' : resolve('interdict.yaml'))
    if (!read.ok) throw read.errors[0]!
    return read.config
  })
  t.strictSame(changedSections(one!, moved!), [])
  t.strictSame(changedSections(one!, other!), ['upstreams'])
})
