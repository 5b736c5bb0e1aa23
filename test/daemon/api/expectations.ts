import type { InjectOptions } from 'fastify'
import type { Scope } from '../../../src/admin/api/route.js'

/** What the authorization matrix expects of one route. */
export interface Expectation {
  /** Null: open to everybody. Stated here again, so that no route changes its scope unnoticed. */
  readonly scope: Scope | 'any' | null
  /** A valid request: the path below `/api/v1` with parameters, and what else it needs. */
  readonly path: string
  readonly request?: Omit<InjectOptions, 'method' | 'url' | 'headers'> & {
    readonly headers?: Readonly<Record<string, string>>
  }
  /** Status code with the right scope. Default: 200. */
  readonly granted?: number
}

const JOB = '00000000-0000-4000-8000-000000000000'

const BINDING = {
  payload: '{"address":"10.20.3.4","mac":"02:00:5e:10:00:07"}\n',
  headers: { 'content-type': 'application/x-ndjson' }
}

/** By method and path, as the table of routes has them. */
export const EXPECTATIONS: Readonly<Record<string, Expectation>> = {
  'GET /openapi.json': { scope: null, path: '/openapi.json' },
  'GET /login': { scope: null, path: '/login', granted: 302 },
  'GET /login/callback': { scope: null, path: '/login/callback?state=x&code=y', granted: 302 },
  'POST /logout': { scope: null, path: '/logout' },
  'GET /me': { scope: null, path: '/me' },
  'GET /jobs': { scope: 'any', path: '/jobs' },
  'GET /jobs/{id}/file': { scope: 'any', path: `/jobs/${JOB}/file`, granted: 404 },
  'GET /jobs/{id}': { scope: 'any', path: `/jobs/${JOB}`, granted: 404 },
  'DELETE /jobs/{id}': { scope: 'any', path: `/jobs/${JOB}`, granted: 404 },
  'GET /status': { scope: 'read', path: '/status' },
  'GET /health': { scope: 'read', path: '/health' },
  'GET /trend': { scope: 'read', path: '/trend?step=60' },
  'GET /process': { scope: 'read', path: '/process' },
  'GET /changes': { scope: 'read', path: '/changes' },
  'GET /blocks': { scope: 'read', path: '/blocks' },
  'GET /rules/files': { scope: 'read', path: '/rules/files' },
  'GET /rules/history': { scope: 'read', path: '/rules/history?limit=5&since=2026-01-01' },
  'GET /rules/versions/{version}': { scope: 'read', path: '/rules/versions/abcd1234' },
  'GET /rules/versions/{version}/file': {
    scope: 'read',
    path: '/rules/versions/abcd1234/file?path=networks.yaml'
  },
  'GET /rules/versions/{version}/diff': {
    scope: 'read',
    path: '/rules/versions/abcd1234/diff?to=abcd5678'
  },
  'POST /rules/versions/{version}/restore': {
    scope: 'policy',
    path: '/rules/versions/abcd1234/restore',
    request: { payload: { dryRun: true } }
  },
  'GET /profiles/{id}': { scope: 'read', path: '/profiles/nist-800-81r3' },
  'GET /networks': { scope: 'read', path: '/networks' },
  'GET /networks/{id}': { scope: 'read', path: '/networks/staff' },
  'GET /bans': { scope: 'read', path: '/bans' },
  'GET /exceptions': { scope: 'read', path: '/exceptions' },
  'GET /dnssec-exceptions': { scope: 'read', path: '/dnssec-exceptions' },
  'GET /notices': { scope: 'read', path: '/notices' },
  'GET /apps': { scope: 'read', path: '/apps' },
  'GET /apps/{id}': { scope: 'read', path: '/apps/video' },
  'GET /lists': { scope: 'read', path: '/lists' },
  'GET /zones': { scope: 'read', path: '/zones' },
  'GET /lookups/groups': { scope: 'read', path: '/lookups/groups?by=app' },
  'GET /lookups/unusual-hours': { scope: 'read', path: '/lookups/unusual-hours' },
  'GET /bans/{ban}/effect': { scope: 'read', path: '/bans/video-ban/effect' },
  'GET /findings': { scope: 'read', path: '/findings' },
  'POST /findings/mutes': {
    scope: 'operate',
    path: '/findings/mutes',
    request: { payload: { kind: 'tunnel', domain: 'x.example', reason: 'a', until: '2099-01-01' } },
    granted: 400
  },
  'DELETE /findings/mutes/{id}': {
    scope: 'operate',
    path: `/findings/mutes/${JOB}`,
    granted: 404
  },
  'GET /lookups': { scope: 'read', path: '/lookups' },
  'GET /who': { scope: 'read', path: '/who?address=10.20.3.4&at=2026-11-12T14:02:00Z' },
  'POST /bindings/{feed}': {
    scope: 'devices',
    path: '/bindings/nac',
    request: BINDING
  },
  'PUT /bindings/{feed}': {
    scope: 'devices',
    path: '/bindings/nac',
    request: BINDING
  },
  'GET /egress/denied': { scope: 'egress', path: '/egress/denied', granted: 404 },
  'GET /lookups/export': { scope: 'read', path: '/lookups/export', granted: 404 },
  'GET /lookups/stream': { scope: 'read', path: '/lookups/stream', granted: 404 },
  'GET /reports/{kind}': { scope: 'read', path: '/reports/overview' },
  'GET /reads': { scope: 'policy', path: '/reads' },
  'GET /reports/stored': { scope: 'read', path: '/reports/stored' },
  'GET /reports/stored/{name}': {
    scope: 'read',
    path: '/reports/stored/daily-2026-11-10.html',
    granted: 404
  },
  'GET /explain': { scope: 'read', path: '/explain?client=10.0.0.1&name=video.example' },
  'POST /cache/flush': {
    scope: 'operate',
    path: '/cache/flush',
    request: { payload: { name: 'www.example' } }
  },
  'POST /rules/reload': { scope: 'operate', path: '/rules/reload' },
  'GET /rules/plan': { scope: 'read', path: '/rules/plan' },
  'POST /rules/apply': { scope: 'policy', path: '/rules/apply', request: { payload: {} } },
  'PUT /rules/{rule}/pause': {
    scope: 'operate',
    path: '/rules/ads/pause',
    request: { payload: { minutes: 5, reason: 'ticket 7' } }
  },
  'DELETE /rules/{rule}/pause': { scope: 'operate', path: '/rules/ads/pause', granted: 204 },
  'POST /lists/{id}/update': { scope: 'operate', path: '/lists/ads/update' },
  'POST /lists/{id}/confirm': { scope: 'operate', path: '/lists/ads/confirm' },
  'POST /rules/rollback': {
    scope: 'policy',
    path: '/rules/rollback',
    request: { payload: { to: 7 } }
  },
  'POST /log/rotate': { scope: 'operate', path: '/log/rotate' },
  // Which networks there are is for drafts.test.ts.
  'POST /rules/edits': {
    scope: 'read',
    path: '/rules/edits',
    request: { payload: { edits: [{ kind: 'list', id: 'draft', values: { file: 'x' } }] } }
  },
  'GET /rules/drafts': { scope: 'read', path: '/rules/drafts' },
  'POST /rules/drafts': {
    scope: 'operate',
    path: '/rules/drafts?title=t&reason=r',
    request: {
      payload: '{"networks.yaml":""}',
      headers: { 'content-type': 'application/vnd.interdict.rules+json' }
    },
    granted: 201
  },
  'GET /rules/drafts/{id}': {
    scope: 'read',
    path: '/rules/drafts/draft-00000000',
    granted: 404
  },
  'POST /rules/drafts/{id}/approve': {
    scope: 'policy',
    path: '/rules/drafts/draft-00000000/approve',
    granted: 404
  },
  'DELETE /rules/drafts/{id}': {
    scope: 'operate',
    path: '/rules/drafts/draft-00000000',
    granted: 404
  },
  'POST /rules/candidate/bundle': {
    scope: 'read',
    path: '/rules/candidate/bundle',
    request: {
      payload: '{"networks.yaml":""}',
      headers: { 'content-type': 'application/vnd.interdict.rules+json' }
    }
  },
  'POST /rules/candidate': {
    scope: 'read',
    path: '/rules/candidate',
    request: {
      payload: Buffer.from('bundle'),
      headers: { 'content-type': 'application/octet-stream' }
    }
  },
  // These rules are a folder, which is changed where it is.
  'PUT /rules/bundle': {
    scope: 'policy',
    path: '/rules/bundle',
    request: {
      payload: Buffer.from('bundle'),
      headers: { 'content-type': 'application/octet-stream' }
    },
    granted: 409
  },
  'GET /fleet/rings': { scope: 'read', path: '/fleet/rings' },
  'GET /fleet/gateways': { scope: 'read', path: '/fleet/gateways?ring=all' },
  'GET /fleet/bans': { scope: 'read', path: '/fleet/bans' },
  'GET /fleet/bans/{ban}/without': { scope: 'read', path: '/fleet/bans/federal-tiktok/without' },
  'GET /fleet/events': { scope: 'read', path: '/fleet/events' },
  'POST /fleet/rings/{ring}/promote': { scope: 'policy', path: '/fleet/rings/all/promote' },
  'POST /fleet/rings/{ring}/halt': {
    scope: 'policy',
    path: '/fleet/rings/all/halt',
    request: { payload: { reason: 'complaints' } }
  }
}
