import type { ServerResponse } from 'node:http'
import * as z from 'zod'
import { failure } from '../../../base/errors/error.js'
import { CALLBACK, type Redirect } from '../../login/login.js'
import { defineRoute } from '../route.js'
import { SCOPES } from '../../tokens/scopes.js'
import type { ApiServices } from '../api-services.js'

/** OAuth 2.0 responses may have more parameters than these. RFC 6749 §4.1.2, RFC 9207 §2 */
const callback = z.looseObject({
  state: z.string().describe('The value that "/login" has sent'),
  code: z.string().optional().describe('To be exchanged for an ID token'),
  error: z.string().optional().describe('Why the provider sent no code'),
  iss: z.string().optional().describe('The issuer')
})

/**
 * A page of the dashboard with its query, as an address has it. Nothing else, so that a link to a login leads neither to
 * another host ("//host", "/\\host", control characters) nor to a route of the API.
 */
const page = z
  .string()
  .max(1_000)
  .regex(/^\/[a-z]*(\?[!-~]*)?$/, 'a page such as /bans?view=calendar')
  .optional()
  .describe('Page of the dashboard that is shown after the login. Default: the first one')

const me = z.object({
  name: z.string().nullable().describe('Of the token, or "user:" and the name of the person'),
  scopes: z.array(z.enum(SCOPES)),
  sessionEnds: z.iso.datetime().nullable().describe('Of a person; null: a token, or nobody'),
  login: z.string().nullable().describe('Where people log in; null: they cannot')
})

const FAILED =
  'With the dashboard on, a browser whose login fails is redirected to the page that it wanted, with "login=CODE" in its query, which says why.'

export const loginRoutes = [
  defineRoute({
    method: 'GET',
    path: '/login',
    id: 'login',
    tag: 'login',
    summary: 'Log in with a browser: redirects to the OpenID Connect provider',
    description: FAILED,
    scope: null,
    query: z.strictObject({ page }),
    status: 302,
    produces: 'text/plain',
    errors: { OIDC_OFF: 404, OIDC_INVALID: 502, OIDC_UNAVAILABLE: 503 },
    handler: async ({ query }, { services, request, response }) =>
      redirect(response, await loginOf(services).begin(request, query.page))
  }),
  defineRoute({
    method: 'GET',
    path: CALLBACK,
    id: 'finishLogin',
    tag: 'login',
    summary:
      'Where the provider sends the browser back to: starts the session, redirects to the page',
    description: FAILED,
    scope: null,
    query: callback,
    status: 302,
    produces: 'text/plain',
    errors: {
      OIDC_OFF: 404,
      OIDC_STATE: 400,
      OIDC_REFUSED: 403,
      OIDC_ROLE: 403,
      OIDC_INVALID: 502,
      OIDC_UNAVAILABLE: 503
    },
    handler: async ({ query }, { services, request, response }) =>
      redirect(response, await loginOf(services).finish(request, query.state))
  }),
  defineRoute({
    method: 'POST',
    path: '/logout',
    id: 'logout',
    tag: 'login',
    summary: 'End the session of a person',
    description: 'Ends the session here, and says where to end that at the provider.',
    scope: null,
    response: z.object({ provider: z.url().nullable().describe('null: unknown') }),
    errors: { OIDC_OFF: 404, API_CSRF: 403 },
    handler: (_, { services, request, response }) => {
      const { provider, cookie } = loginOf(services).logout(request)
      response.setHeader('set-cookie', cookie)
      return Promise.resolve({ provider })
    }
  }),
  defineRoute({
    method: 'GET',
    path: '/me',
    id: 'getMe',
    tag: 'login',
    summary: 'Who sends the request, and what it may do',
    scope: null,
    response: me,
    handler: (_, { services, principal }) => {
      const end = principal?.sessionEnd
      return Promise.resolve({
        name: principal?.name ?? null,
        scopes: [...(principal?.scopes ?? [])],
        sessionEnds: end === undefined ? null : new Date(end).toISOString(),
        login: services.login === undefined ? null : '/api/v1/login'
      })
    }
  })
]

/** @throws InterdictError OIDC_OFF */
function loginOf({ login }: ApiServices): NonNullable<ApiServices['login']> {
  if (login === undefined) throw failure('OIDC_OFF')
  return login
}

function redirect(response: ServerResponse, { location, cookies }: Redirect): void {
  if (cookies.length > 0) response.setHeader('set-cookie', [...cookies])
  response.writeHead(302, { location }).end()
}
