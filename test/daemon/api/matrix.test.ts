import t from 'tap'
import { PREFIX } from '../../../src/admin/http/api-prefix.js'
import { SCOPES, type Scope } from '../../../src/admin/tokens/scopes.js'
import { ROUTES } from '../../../src/admin/api/routes.js'
import { EXPECTATIONS } from './expectations.js'
import { fakeHub, gatewayView } from './hub-rig.js'
import { apiRig } from './rig.js'
import { activeRules, serving } from './services.js'

const keyOf = ({ method, path }: (typeof ROUTES)[number]): string => `${method} ${path}`

t.test('every route is in the table of expectations, and nothing else', async t => {
  t.strictSame(ROUTES.map(keyOf).sort(), Object.keys(EXPECTATIONS).sort())
  t.equal(new Set(ROUTES.map(({ id }) => id)).size, ROUTES.length, 'ids are unique')
})

t.test('who may call what', async t => {
  const services = serving(t, await activeRules(t))
  const { socket: hub } = await fakeHub(t, [gatewayView(1)])
  const { admin } = services.config
  const config = { ...services.config, admin: { ...admin, hub } }
  const rig = await apiRig(t, { services: { ...services, config } })
  const expired = rig.token('expired', SCOPES, 0)
  const revoked = rig.token('revoked', SCOPES)
  const tokens = Object.fromEntries(SCOPES.map(scope => [scope, rig.token(scope, [scope])]))
  rig.revoke('revoked')

  const credentials: readonly {
    readonly it: string
    readonly authorization?: string
    readonly code?: string
    readonly scope?: Scope
  }[] = [
    { it: 'no token', code: 'API_LOGIN' },
    { it: 'another scheme', authorization: 'Basic YTpi', code: 'API_TOKEN' },
    { it: 'no token after the scheme', authorization: 'Bearer', code: 'API_TOKEN' },
    { it: 'a malformed token', authorization: 'Bearer x', code: 'API_TOKEN' },
    { it: 'two tokens', authorization: `Bearer ${tokens.read} ${tokens.read}`, code: 'API_TOKEN' },
    {
      it: 'a wrong token',
      authorization: `Bearer interdict_${'A'.repeat(43)}`,
      code: 'API_TOKEN'
    },
    { it: 'an expired token', authorization: `Bearer ${expired}`, code: 'API_EXPIRED' },
    { it: 'a revoked token', authorization: `Bearer ${revoked}`, code: 'API_TOKEN' },
    ...SCOPES.map(scope => ({
      it: `a token with scope ${scope}`,
      authorization: `Bearer ${tokens[scope]}`,
      scope
    }))
  ]

  for (const route of ROUTES) {
    const { scope, path, request, granted = 200 } = EXPECTATIONS[keyOf(route)]!
    t.equal(route.scope, scope, `${keyOf(route)} has scope ${scope}`)
    for (const { it, authorization, code, scope: own } of credentials) {
      // The limit of one token is not the topic.
      rig.clock.time += 1000
      const response = await rig.send({
        ...request,
        method: route.method,
        url: PREFIX + path,
        headers: { ...request?.headers, ...(authorization && { authorization }) }
      })
      const refusal =
        code ?? (own === scope || scope === null || scope === 'any' ? undefined : 'API_SCOPE')
      const name = `${keyOf(route)}, ${it}`
      if (refusal === undefined || (scope === null && code === 'API_LOGIN')) {
        t.equal(response.statusCode, granted, `${name}: ${response.body.slice(0, 300)}`)
        const { response: schema, produces } = route
        if (granted < 400 && schema !== undefined && produces === undefined)
          t.ok(schema.safeParse(response.json()).success, `${name}: response as documented`)
      } else {
        t.equal(response.statusCode, refusal === 'API_SCOPE' ? 403 : 401, name)
        t.match(response.json(), { code: refusal }, name)
        t.match(response.headers['www-authenticate'], /^Bearer realm="interdict"/, name)
      }
      t.match(response.headers, { 'cache-control': 'no-store', 'x-frame-options': 'DENY' })
      t.notOk('access-control-allow-origin' in response.headers, name)
    }
  }
  const secrets = [expired, revoked, ...Object.values(tokens)]
  const logged = JSON.stringify(rig.log.lines)
  for (const secret of secrets) t.notMatch(logged, secret, 'no token in the log')
})
