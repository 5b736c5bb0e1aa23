import t from 'tap'
import { readConfig } from '../../src/gateway/config/load-settings.js'

const FILE = '/etc/interdict/interdict.yaml'
const PROVIDER = 'issuer: https://login.example/realms/staff, client-id: interdict'
const BASE = "base-url: 'https://gateway.example:8053'"
const ROLES = 'roles: { read: [viewer] }'
const text = (oidc: string, admin = "http: '127.0.0.1:8053'"): string =>
  `admin:\n  ${admin}\n  oidc: { ${oidc} }\n`

t.test('reads the login of people', async t => {
  const read = readConfig(text(`${PROVIDER}, ${BASE}, ${ROLES}`), FILE)
  t.match(read, { ok: true })
  t.strictSame(read.ok && read.config.admin.oidc, {
    issuer: 'https://login.example/realms/staff',
    clientId: 'interdict',
    clientSecretFile: undefined,
    caFile: undefined,
    origin: 'https://gateway.example:8053',
    requestedScopes: ['profile'],
    nameClaim: 'preferred_username',
    rolesClaim: 'groups',
    roles: { read: ['viewer'], operate: [], policy: [] },
    session: 8 * 3_600_000,
    idle: 3_600_000,
    timeout: 5_000,
    position: { file: FILE, line: 3, column: 9 }
  })

  const all =
    "issuer: 'http://127.0.0.1:9000', client-id: a, client-secret-file: s, ca-file: /ca.pem, " +
    "base-url: 'http://localhost:8053/', scopes: [groups], name-claim: email, roles-claim: a.b, " +
    'roles: { operate: [o], policy: [p] }, session: 1h, idle: 5m, timeout: 2s'
  const full = readConfig(text(all), FILE)
  t.match(full.ok && full.config.admin.oidc, {
    clientSecretFile: '/etc/interdict/s',
    ...{ caFile: '/ca.pem', origin: 'http://localhost:8053', requestedScopes: ['groups'] },
    ...{ nameClaim: 'email', rolesClaim: 'a.b', session: 3_600_000, idle: 300_000, timeout: 2_000 },
    roles: { read: [], operate: ['o'], policy: ['p'] }
  })
  const remote = "http: '192.0.2.1:8053'\n  tls: { certificate: c, key: k }"
  t.ok(readConfig(text(`${PROVIDER}, ${BASE}, ${ROLES}`, remote), FILE).ok)
})

const refuses: readonly {
  readonly it: string
  readonly oidc?: string
  readonly admin?: string
  readonly key: string
}[] = [
  { it: 'no issuer', oidc: `client-id: a, ${BASE}, ${ROLES}`, key: 'issuer' },
  {
    it: 'an issuer over plain HTTP',
    oidc: `issuer: 'http://login.example', client-id: a, ${BASE}, ${ROLES}`,
    key: 'issuer'
  },
  {
    it: 'an issuer with a query',
    oidc: `issuer: 'https://login.example/?a', client-id: a, ${BASE}, ${ROLES}`,
    key: 'issuer'
  },
  {
    it: 'an issuer that is no URL',
    oidc: `issuer: login.example, client-id: a, ${BASE}, ${ROLES}`,
    key: 'issuer'
  },
  {
    it: 'a base URL with a path',
    oidc: `${PROVIDER}, base-url: 'https://a.example/x', ${ROLES}`,
    key: 'base-url'
  },
  {
    it: 'a base URL without TLS',
    oidc: `${PROVIDER}, base-url: 'http://a.example', ${ROLES}`,
    key: 'base-url'
  },
  {
    it: 'a base URL without TLS, with admin.tls',
    admin: "http: '127.0.0.1:8053'\n  tls: { certificate: c, key: k }",
    oidc: `${PROVIDER}, base-url: 'http://localhost:8053', ${ROLES}`,
    key: 'base-url'
  },
  { it: 'no roles', oidc: `${PROVIDER}, ${BASE}, roles: { read: [] }`, key: 'roles' },
  { it: 'two scopes in one', oidc: `${PROVIDER}, ${BASE}, ${ROLES}, scopes: [a b]`, key: 'scopes' },
  { it: 'a long session', oidc: `${PROVIDER}, ${BASE}, ${ROLES}, session: 8d`, key: 'session' },
  { it: 'login without TLS', admin: "http: '192.0.2.1:8053'", key: 'http' },
  { it: 'login without a listener', admin: 'tokens: auto', key: 'http' },
  {
    it: 'login without the API',
    admin: "http: '127.0.0.1:8053'\n  tokens: off",
    key: 'tokens'
  }
]

for (const { it, oidc = `${PROVIDER}, ${BASE}, ${ROLES}`, admin, key } of refuses) {
  t.test(`refuses ${it}`, async t => {
    const read = readConfig(text(oidc, admin), FILE)
    const errors = read.ok ? [] : read.errors
    t.equal(errors.length, 1, errors.map(({ message }) => message).join('\n'))
    t.equal(errors[0]?.code, 'DOCUMENT_INVALID')
    t.match(errors[0]?.message, new RegExp(`interdict\\.yaml:\\d+:\\d+: .*\\b${key}\\b`))
  })
}
