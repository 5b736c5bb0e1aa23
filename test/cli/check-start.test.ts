import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import type { InterdictError } from '../../src/base/errors/error.js'
import { InputError } from '../../src/cli/exit.js'
import { CompilerHandle } from '../../src/gateway/compiler/compiler-handle.js'
import { SETTINGS_PATHS } from '../../src/gateway/backup/settings-paths.js'
import { startService } from '../../src/cli/service.js'
import { schemaStrings } from '../config/schema-strings.js'
import { bundle, one, put } from '../daemon/bundle-rig.js'
import { Threads } from '../daemon/serve.js'
import { banning, Site } from '../daemon/site.js'
import { makeCertificate } from '../tls/certificates.js'
import { interdict } from './run.js'

/*
 * `interdict check` and a start must agree: deploying.md restarts a gateway after a check without errors. Every
 * setting that names a file, a folder or something in the rules is tested with an unusable one.
 */

/** The behaviour of a start with settings that `check` refuses. */
type Start = 'refused' | 'goes on'

interface Case {
  /** The settings, with the path. */
  readonly settings: (path: string) => string
  /** Code of the error of `check`. */
  readonly code: string
  /** Or the code of its error, if it is another. */
  readonly start: Start | 'ADMIN_SOCKET'
  /** The path that cannot be used; `file` is a file, `folder` a folder, `missing` does not exist. */
  readonly path: string
}

const BELOW_FILE = 'file/below'
const read = (code: string, start: Start, settings: Case['settings']): readonly Case[] => [
  { settings, code, start, path: 'missing' },
  { settings, code, start, path: 'folder' }
]
const written = (
  code: string,
  start: Case['start'],
  settings: Case['settings'],
  path = BELOW_FILE
) => [{ settings, code, start, path }] as const
const both = (code: string, start: Start, before: string, after: string) =>
  read(code, start, path => `${before}${path}${after}`)

const LISTENER = 'address: 127.0.0.1:0, protocol: dot'
const server = (key: string): string =>
  `address: 127.0.0.1:9, protocol: dot, name: dns.example, ${key}: `
/** The keys of one upstream, in a setting that begins and ends with these. */
const upstream = (at: string, before: string, after: string): Record<string, readonly Case[]> => ({
  [`${at}.ca`]: both('CONFIG_UPSTREAM_FILE', 'refused', before + server('ca'), after),
  [`${at}.client-certificate`]: both(
    'CONFIG_UPSTREAM_FILE',
    'refused',
    before + server('client-key: good.key, client-certificate'),
    after
  ),
  [`${at}.client-key`]: both(
    'CONFIG_UPSTREAM_FILE',
    'refused',
    before + server('client-certificate: good.pem, client-key'),
    after
  )
})
const OIDC =
  "issuer: 'http://127.0.0.1:9', client-id: a, base-url: 'http://127.0.0.1:8', roles: { read: [a], operate: [], policy: [] }"
const FLEET = 'name: gw'
const BUNDLE = 'rules: { bundle: rules.bundle, keys:'
const OUTPUT = "name: siem, type: syslog, to: 'tls://127.0.0.1:9'"
const PROXY = "proxy: { url: 'http://127.0.0.1:9'"
const ACME = "directory: 'https://127.0.0.1:9/'"

/** Each setting that names a file or folder, or a ban. */
const FILES: Readonly<Record<string, readonly Case[]>> = {
  'listen[].certificate': both(
    'CERTIFICATE_UNREADABLE',
    'refused',
    `listen: [{ ${LISTENER}, key: good.key, certificate: `,
    ' }]'
  ),
  'listen[].key': both(
    'CERTIFICATE_UNREADABLE',
    'refused',
    `listen: [{ ${LISTENER}, certificate: good.pem, key: `,
    ' }]'
  ),
  'listen[].certificates[].certificate': both(
    'CERTIFICATE_UNREADABLE',
    'refused',
    `listen: [{ ${LISTENER}, certificates: [{ key: good.key, certificate: `,
    ' }] }]'
  ),
  'listen[].certificates[].key': both(
    'CERTIFICATE_UNREADABLE',
    'refused',
    `listen: [{ ${LISTENER}, certificates: [{ certificate: good.pem, key: `,
    ' }] }]'
  ),
  'tls.ticket-secret': both(
    'TICKET_SECRET',
    'refused',
    `listen: [{ ${LISTENER}, certificate: good.pem, key: good.key }]\ntls: { ticket-secret: `,
    ' }'
  ),
  rules: both('RULES_UNREADABLE', 'refused', 'rules: ', ''),
  'rules.folder': both('RULES_UNREADABLE', 'refused', 'rules: { folder: ', ' }'),
  'rules.bundle': both('BUNDLE_UNREADABLE', 'refused', 'rules: { keys: [key.pub], bundle: ', ' }'),
  'rules.keys[]': both('BUNDLE_TRUST', 'refused', `${BUNDLE} [`, '] }'),
  'rules.root': both('ROOT_UNREADABLE', 'refused', 'rules: { bundle: rules.bundle, root: ', ' }'),
  'rules.mandates.folder': [
    {
      settings: path => `rules: { folder: rules, mandates: { keys: [key.pub], folder: ${path} } }`,
      code: 'MANDATE_UNREADABLE',
      start: 'goes on',
      path: 'missing'
    }
  ],
  'rules.mandates.keys[]': both(
    'BUNDLE_TRUST',
    'refused',
    'rules: { folder: rules, mandates: { folder: folder, keys: [',
    '] } }'
  ),
  'catalogue.keys[]': both(
    'BUNDLE_TRUST',
    'goes on',
    'catalogue: { url: x, interval: off, keys: [',
    '] }'
  ),
  ...upstream('upstreams.servers[]', 'upstreams: { servers: [{ ', ' }] }'),
  ...upstream('upstreams.forward.*[]', 'upstreams: { forward: { a.example: [{ ', ' }] } }'),
  ...upstream('remote-lists.bootstrap[]', 'remote-lists: { bootstrap: [{ ', ' }] }'),
  'acme.ca-file': both('CONFIG_FILE', 'goes on', `acme: { ${ACME}, ca-file: `, ' }'),
  'acme.account-key': written(
    'CONFIG_UNWRITABLE',
    'goes on',
    path => `acme: { ${ACME}, account-key: ${path} }`
  ),
  'acme.external-account.key-file': both(
    'CONFIG_FILE',
    'goes on',
    `acme: { ${ACME}, external-account: { id: a, key-file: `,
    ' } }'
  ),
  'acme.dns-hook': both(
    'CONFIG_FILE',
    'goes on',
    `acme: { ${ACME}, challenge: dns-01, dns-hook: `,
    ' }'
  ),
  'acme.certificate': written(
    'CONFIG_UNWRITABLE',
    'goes on',
    path => `acme: { ${ACME}, key: good.key, certificate: ${path} }`
  ),
  'acme.key': written(
    'CONFIG_UNWRITABLE',
    'goes on',
    path => `acme: { ${ACME}, certificate: good.pem, key: ${path} }`
  ),
  'cookies.secret-file': both(
    'COOKIE_SECRETS_UNREADABLE',
    'refused',
    'cookies: { secret-file: ',
    ' }'
  ),
  'egress.export-key': both('CONFIG_FILE', 'goes on', 'egress: { export-key: ', ' }'),
  'state.folder': written('CONFIG_UNWRITABLE', 'goes on', path => `state: { folder: ${path} }`),
  'probe.ca-file': both('CONFIG_FILE', 'goes on', 'probe: { ca-file: ', ' }'),
  'proxy.credentials-file': both('PROXY_FILE', 'goes on', `${PROXY}, credentials-file: `, ' }'),
  'proxy.ca-file': both('PROXY_FILE', 'goes on', `${PROXY}, ca-file: `, ' }'),
  'bindings.feeds[].nas[].secret-file': both(
    'CONFIG_FILE',
    'goes on',
    "bindings: { feeds: [{ name: a, type: radius, listen: '127.0.0.1:0', nas: [{ address: 192.0.2.1, secret-file: ",
    ' }] }] }'
  ),
  'remote-lists.headers.*': both(
    'CONFIG_FILE',
    'goes on',
    'remote-lists: { headers: { feeds.example: ',
    ' } }'
  ),
  'remote-lists.ca-file': both('CONFIG_FILE', 'goes on', 'remote-lists: { ca-file: ', ' }'),
  'transfers.keys.*.secret-file': both(
    'TRANSFER_SECRET_UNREADABLE',
    'refused',
    "transfers: { primaries: { a: { address: '127.0.0.1:9', key: k.example } }, keys: { k.example: { secret-file: ",
    ' } } }'
  ),
  'admin.socket': written(
    'CONFIG_UNWRITABLE',
    'ADMIN_SOCKET',
    path => `admin: { socket: ${path} }`
  ),
  'admin.tls.certificate': both(
    'CERTIFICATE_UNREADABLE',
    'refused',
    "admin: { http: '127.0.0.1:0', tls: { key: good.key, certificate: ",
    ' } }'
  ),
  'admin.tls.key': both(
    'CERTIFICATE_UNREADABLE',
    'refused',
    "admin: { http: '127.0.0.1:0', tls: { certificate: good.pem, key: ",
    ' } }'
  ),
  'admin.tokens': written(
    'API_TOKEN_FILE',
    'goes on',
    path => `admin: { http: '127.0.0.1:0', tokens: ${path} }`,
    'folder'
  ),
  'admin.oidc.client-secret-file': both(
    'OIDC_FILE',
    'refused',
    `admin: { http: '127.0.0.1:0', oidc: { ${OIDC}, client-secret-file: `,
    ' } }'
  ),
  'admin.oidc.ca-file': both(
    'OIDC_FILE',
    'refused',
    `admin: { http: '127.0.0.1:0', oidc: { ${OIDC}, ca-file: `,
    ' } }'
  ),
  'alerts[].secret-file': both(
    'ALERT_SECRET',
    'refused',
    "alerts: [{ url: 'http://127.0.0.1:9/', secret-file: ",
    ' }]'
  ),
  'alerts[].ca-file': both(
    'ALERT_CA',
    'refused',
    "alerts: [{ url: 'http://127.0.0.1:9/', ca-file: ",
    ' }]'
  ),
  'reports[].folder': written(
    'CONFIG_UNWRITABLE',
    'goes on',
    path => `reports: [{ report: daily, folder: ${path} }]`
  ),
  'smtp.password-file': both(
    'SMTP_FILE',
    'refused',
    'smtp: { host: 127.0.0.1, user: a, password-file: ',
    ' }'
  ),
  'smtp.ca-file': both('SMTP_FILE', 'refused', 'smtp: { host: 127.0.0.1, ca-file: ', ' }'),
  'fleet.credentials': both(
    'CONFIG_FILE',
    'goes on',
    `${BUNDLE} [key.pub] }\nfleet: { ${FLEET}, nats: ['nats://127.0.0.1:9'], credentials: `,
    ' }'
  ),
  'fleet.ca-file': both(
    'CONFIG_FILE',
    'goes on',
    `${BUNDLE} [key.pub] }\nfleet: { ${FLEET}, pull: 'http://127.0.0.1:9/', ca-file: `,
    ' }'
  ),
  'fleet.certificate': both(
    'CONFIG_FILE',
    'goes on',
    `${BUNDLE} [key.pub] }\nfleet: { ${FLEET}, nats: ['nats://127.0.0.1:9'], credentials: file, key: good.key, certificate: `,
    ' }'
  ),
  'fleet.key': both(
    'CONFIG_FILE',
    'goes on',
    `${BUNDLE} [key.pub] }\nfleet: { ${FLEET}, nats: ['nats://127.0.0.1:9'], credentials: file, certificate: good.pem, key: `,
    ' }'
  ),
  'fleet.logs.to': written(
    'CONFIG_UNWRITABLE',
    'goes on',
    path =>
      `${BUNDLE} [key.pub] }\nfleet: { ${FLEET}, pull: 'http://127.0.0.1:9/', logs: { to: ${path} } }`
  ),
  'fleet.logs.credentials': both(
    'CONFIG_FILE',
    'goes on',
    `${BUNDLE} [key.pub] }\nfleet: { ${FLEET}, pull: 'http://127.0.0.1:9/', logs: { to: 's3://bucket', endpoint: 'http://127.0.0.1:9', credentials: `,
    ' } }'
  ),
  'log.service.file': [
    ...written('CLI_SERVICE_LOG', 'refused', path => `log: { service: { file: ${path} } }`),
    ...written(
      'CLI_SERVICE_LOG',
      'refused',
      path => `log: { service: { file: ${path} } }`,
      'folder'
    )
  ],
  'log.queries.file': [
    ...written('CONFIG_UNWRITABLE', 'goes on', path => `log: { queries: { file: ${path} } }`),
    ...written('CONFIG_FILE', 'goes on', path => `log: { queries: { file: ${path} } }`, 'folder')
  ],
  'log.queries.chain.sign-key': both(
    'CHAIN_KEY',
    'refused',
    'log: { queries: { file: log/queries.jsonl, chain: { sign-key: ',
    ' } } }'
  ),
  'log.queries.witness.tsa.ca-file': both(
    'CONFIG_FILE',
    'refused',
    "log: { queries: { file: log/queries.jsonl, chain: { sign-key: sign.key }, witness: { tsa: { url: 'http://127.0.0.1:9/', ca-file: ",
    ' } } } }'
  ),
  'log.queries.witness.syslog.ca-file': both(
    'CONFIG_FILE',
    'refused',
    "log: { queries: { file: log/queries.jsonl, chain: { sign-key: sign.key }, witness: { syslog: { to: 'tls://127.0.0.1:9', ca-file: ",
    ' } } } }'
  ),
  'log.queries.privacy.keys': written(
    'CONFIG_UNWRITABLE',
    'goes on',
    path => `log: { queries: { privacy: { default: pseudonym, keys: ${path} } } }`
  ),
  'log.outputs[].ca': both('CONFIG_FILE', 'goes on', `log: { outputs: [{ ${OUTPUT}, ca: `, ' }] }'),
  'log.outputs[].cert': both(
    'CONFIG_FILE',
    'goes on',
    `log: { outputs: [{ ${OUTPUT}, key: good.key, cert: `,
    ' }] }'
  ),
  'log.outputs[].key': both(
    'CONFIG_FILE',
    'goes on',
    `log: { outputs: [{ ${OUTPUT}, cert: good.pem, key: `,
    ' }] }'
  ),
  'log.outputs[].headers': both(
    'CONFIG_FILE',
    'goes on',
    "log: { outputs: [{ name: siem, type: otlp, to: 'http://127.0.0.1:9', headers: ",
    ' }] }'
  ),
  'log.outputs[].spool': written(
    'CONFIG_UNWRITABLE',
    'goes on',
    path => `log: { outputs: [{ ${OUTPUT}, spool: ${path} }] }`
  )
}

/** All other string settings: whether they are valid depends on nothing outside the settings file. */
const OTHERS = [
  // Permits what the rules may name. It need not exist.
  /^rules\.outside-folders\[\]$/,
  // Only rules that name ASNs need it, and their errors name it.
  /^asn-database$/,
  /^listen\[\]\.certificates\[\]\.names\[\]$/,
  /\.(address|name|path|id|issuer|server-name|base-url|scopes\[\]|(name|roles)-claim|client-id)$/,
  /\.(timeout|[a-z-]*(interval|age|size|ttl)|space|rate|flush|burst|idle|grace|lame-duck|keep)$/,
  /^(upstreams|cache|alerts|reports|acme)\S*\.(give-up|loop-check|idle-probe|stale-[a-z]+|resend|at|dns-wait)$/,
  /^(upstreams|remote-lists)\S*(\[\]|\.pin-sha256|\.pin-sha256\[\])$/,
  /^(identity|discovery|limits|front-ends|special-use|rebinding-guard|structured-errors)\./,
  /^probe\.(every|control\[\])$/,
  /^(listen\[\]|acme\.(directory|contact\[\]|names\[\]|http-listen)|tls\.handshake-timeout)$/,
  /^admin\.(http|hub|max-pause|oidc\.(session|roles\.[a-z]+\[\]))$/,
  /^(alerts\[\]\.(url|ending-within)|reports\[\]\.(ban|mail\.(from|to\[\]))|smtp\.(host|user))$/,
  /^fleet\.(ring|nats\[\]|pull|report-url|logs\.(endpoint|region))$/,
  /^log\.(queries\.(chain\.(earlier-keys\[\]|checkpoint)|witness\.(every|tsa\.url|syslog\.to|hub-key)|privacy\.keep-keys)|outputs\[\]\.to)$/,
  /^transfers\.(primaries\.\*\.key|max-time)$/,
  /^proxy\.(url|except\[\])$/,
  /^dnssec\.trust-anchors\[\]$/,
  // A feed that is not there is down, and followed from when it is.
  /^egress\.(connections|firewall|learn-for)$/,
  /^bindings\.(skew|feeds\[\]\.(file|socket|listen|every|lifetime|type|message-authenticator))$/,
  /^catalogue(\.(url|version|monitor-new-names))?$/
]

t.test('every string setting is a file listed here, or is known not to be one', t => {
  const all = schemaStrings()
  const isFile = (key: string): boolean => Object.hasOwn(FILES, key)
  const isOther = (key: string): boolean => OTHERS.some(one => one.test(key))
  t.strictSame(
    all.filter(key => isFile(key) === isOther(key)),
    [],
    'each is either'
  )
  t.strictSame(
    Object.keys(FILES).filter(key => !all.includes(key)),
    [],
    'all exist'
  )
  t.end()
})

t.test('backup knows each of them', async t => {
  t.strictSame(Object.keys(SETTINGS_PATHS).sort(), [...Object.keys(FILES), 'asn-database'].sort())
})

const certificate = makeCertificate({ names: ['dns.example'] })

async function siteOf(t: Test, { settings, path }: Case): Promise<Site> {
  const text = settings(path)
  const at = text.includes('listen:') ? '' : "listen: ['127.0.0.1:0']\n"
  const site = new Site(t, {
    'rules/networks.yaml': banning('banned.example'),
    'good.pem': certificate.certificate,
    'key.pub': one.publicKey,
    file: '',
    'interdict.yaml': `${at}workers: 1\n${text}\n`
  })
  writeFileSync(site.path('good.key'), certificate.key, { mode: 0o600 })
  writeFileSync(site.path('sign.key'), one.key.export({ type: 'pkcs8', format: 'pem' }), {
    mode: 0o600
  })
  mkdirSync(site.path('folder'))
  chmodSync(site.path('file'), 0o600)
  put(site, await bundle({ serial: 1 }))
  return site
}

/** Codes of the errors, each once. */
async function codesOfCheck(site: Site): Promise<readonly string[]> {
  const { out } = await interdict('check', '--json', '-c', site.path('interdict.yaml'))
  const { errors } = JSON.parse(out) as { errors: { code: string }[] }
  return [...new Set(errors.map(({ code }) => code))]
}

/** Codes of the errors that prevent a start, each once; none: it serves. */
async function codesOfStart(site: Site): Promise<readonly string[]> {
  const { start } = new Threads(false)
  const compiler = new CompilerHandle(start)
  const options = { config: site.path('interdict.yaml') }
  try {
    await (await startService(options, compiler, undefined, start)).abort()
    return []
  } catch (error) {
    const errors = error instanceof InputError ? error.errors : [error as InterdictError]
    return [...new Set(errors.map(({ code }) => code))]
  } finally {
    await compiler.close()
  }
}

for (const [key, cases] of Object.entries(FILES)) {
  t.test(`${key}: check refuses what a start refuses`, async t => {
    for (const [i, tried] of cases.entries()) {
      const { code, start, path } = tried
      const site = await siteOf(t, tried)
      t.strictSame(await codesOfCheck(site), [code], `check, ${path}`)
      // Files that are read later do not affect the start: one is enough.
      if (start === 'goes on' && i > 0) continue
      const refused = start === 'goes on' ? [] : [start === 'refused' ? code : start]
      t.strictSame(await codesOfStart(site), refused, `start, ${path}`)
    }
  })
}

/** Contents of a usable file for each setting that names a private key or a secret; `good.key` unless given. */
const SECRETS: Readonly<Record<string, string | undefined>> = {
  'listen[].key': undefined,
  'listen[].certificates[].key': undefined,
  'admin.tls.key': undefined,
  'upstreams.servers[].client-key': undefined,
  'upstreams.forward.*[].client-key': undefined,
  'remote-lists.bootstrap[].client-key': undefined,
  'tls.ticket-secret': 'x'.repeat(48),
  'cookies.secret-file': '00'.repeat(16),
  'egress.export-key': undefined,
  'acme.account-key': undefined,
  'acme.external-account.key-file': 'AAAA',
  'acme.key': undefined,
  'transfers.keys.*.secret-file': 'A'.repeat(64),
  'admin.oidc.client-secret-file': 'x'.repeat(48),
  'alerts[].secret-file': 'x'.repeat(48),
  'smtp.password-file': 'x',
  'proxy.credentials-file': 'user:password',
  'fleet.credentials': 'x',
  'fleet.key': undefined,
  'fleet.logs.credentials': 'x',
  'log.queries.chain.sign-key': one.key.export({ type: 'pkcs8', format: 'pem' }).toString(),
  'log.outputs[].key': undefined,
  'bindings.feeds[].nas[].secret-file': 'x',
  'remote-lists.headers.*': 'a: b\n',
  'log.outputs[].headers': 'a: b\n'
}

/** Settings named like keys whose files are public, hashes, or folders that are checked otherwise. */
const NO_SECRETS = [
  'rules.root',
  'rules.keys[]',
  'rules.mandates.keys[]',
  'catalogue.keys[]',
  'transfers.primaries.*.key',
  'admin.tokens',
  'log.queries.chain.earlier-keys[]',
  'log.queries.witness.hub-key',
  'log.queries.privacy.keys',
  'log.queries.privacy.keep-keys'
]

t.test('every setting of a key or secret is listed here', t => {
  const isSecret =
    /(key|keys|keys\[\]|secret|secret-file|password-file|credentials|credentials-file|headers|headers\.\*|tokens|key-file)$/
  t.strictSame(
    schemaStrings()
      .filter(key => isSecret.test(key) && !NO_SECRETS.includes(key))
      .sort(),
    Object.keys(SECRETS).sort()
  )
  t.end()
})

for (const [key, content = certificate.key] of Object.entries(SECRETS)) {
  t.test(`${key}: a file that every user may read is an error`, async t => {
    const { settings, ...rest } = FILES[key]![0]!
    const site = await siteOf(t, { ...rest, settings: () => settings('secret') })
    writeFileSync(site.path('secret'), content, { mode: 0o600 })
    t.strictSame(await codesOfCheck(site), [], 'readable by its owner only')
    chmodSync(site.path('secret'), 0o604)
    const own: Readonly<Record<string, string>> = {
      'admin.oidc.client-secret-file': 'OIDC_FILE',
      'alerts[].secret-file': 'ALERT_SECRET',
      'smtp.password-file': 'SMTP_FILE',
      'proxy.credentials-file': 'PROXY_FILE',
      'log.queries.chain.sign-key': 'CHAIN_KEY'
    }
    t.strictSame(await codesOfCheck(site), [own[key] ?? 'KEY_FILE_MODE'])
  })
}

t.test('a report on a ban that the rules do not have is a warning', async t => {
  const settings = 'reports: [{ report: ban, ban: test-bam }]'
  const site = await siteOf(t, { settings: () => settings, path: '', code: '', start: 'goes on' })
  const { code, out } = await interdict('check', '-c', site.path('interdict.yaml'))
  t.equal(code, 0)
  t.match(out, /interdict\.yaml:3:\d+: report 'ban-test-bam': .*'test-ban'\? \(REPORT_BAN\)/)
  t.strictSame(await codesOfStart(site), [])
})

t.test('a feed that takes bindings from an HTTP API that is off is a warning', async t => {
  const feed = 'bindings: { feeds: [{ name: edr, type: json, http: true }] }'
  const start = { path: '', code: '', start: 'goes on' } as const
  const off = await siteOf(t, { settings: () => feed, ...start })
  const { code, out } = await interdict('check', '-c', off.path('interdict.yaml'))
  t.equal(code, 0)
  t.match(out, /interdict\.yaml:3:\d+: feed 'edr' .* set admin\.http \(BINDINGS_NO_API\)/)
  t.strictSame(await codesOfStart(off), [])
  const settings = () => `${feed}\nadmin: { http: '127.0.0.1:0' }`
  const on = await siteOf(t, { settings, ...start })
  t.notMatch((await interdict('check', '-c', on.path('interdict.yaml'))).out, /BINDINGS_NO_API/)
})

t.test('a start succeeds if check found no errors', async t => {
  const site = await siteOf(t, { settings: () => '', path: '', code: '', start: 'goes on' })
  t.strictSame([await codesOfCheck(site), await codesOfStart(site)], [[], []])
})
