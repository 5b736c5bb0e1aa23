import type { FastifyInstance, InjectOptions, LightMyRequestResponse } from 'fastify'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import type { Config } from '../../../src/gateway/config/config.js'
import { readConfig } from '../../../src/gateway/config/load-settings.js'
import { createApi } from '../../../src/admin/api/api.js'
import type { Authenticator } from '../../../src/admin/tokens/authenticator.js'
import type { Route, Scope } from '../../../src/admin/api/route.js'
import { ROUTES } from '../../../src/admin/api/routes.js'
import type { ApiServices } from '../../../src/admin/api/api-services.js'
import { newToken, writeTokens, type StoredToken } from '../../../src/admin/tokens/token-file.js'
import { ChangeLog, type Read } from '../../../src/admin/audit/change-log.js'
import { Trend } from '../../../src/admin/metrics/minute-trend.js'
import { TokenStore } from '../../../src/admin/tokens/token-store.js'
import { MemoryLog } from '../serve.js'

export const NOW = Date.parse('2026-01-01T00:00:00Z')

export interface ApiRigOptions {
  readonly routes?: readonly Route[]
  readonly services?: Partial<ApiServices>
  readonly authenticators?: readonly Authenticator[]
}

/** The API in this process, without a listener: requests are injected. */
export class ApiRig {
  readonly log = new MemoryLog()
  readonly clock = { time: 0, now: () => this.clock.time, wall: () => NOW + this.clock.time }
  readonly path: string
  readonly store: TokenStore
  readonly trend = new Trend()
  readonly changes = new ChangeLog(undefined, this.clock, this.log)
  readonly reads = new ChangeLog<Read>(undefined, this.clock, this.log)
  readonly config: Config
  private stored: readonly StoredToken[] = []
  private lastAddress = 0
  app!: FastifyInstance<Server, IncomingMessage, ServerResponse>

  constructor(t: Test) {
    const folder = mkdtempSync(join(tmpdir(), 'interdict-api-'))
    t.teardown(() => rmSync(folder, { recursive: true }))
    this.path = join(folder, 'state', 'tokens.json')
    this.store = new TokenStore(this.path, this.clock, this.log)
    const read = readConfig('', join(folder, 'interdict.yaml'))
    if (!read.ok) throw new Error('settings')
    this.config = read.config
  }

  /** Creates a token. @param days until it expires */
  token(name: string, scopes: readonly Scope[], days = 1): string {
    const created = new Date(this.clock.wall())
    const expires = new Date(this.clock.wall() + days * 86_400_000)
    const { token, stored } = newToken(name, scopes, created, expires)
    this.stored = [...this.stored, stored]
    this.save()
    return token
  }

  revoke(name: string): void {
    this.stored = this.stored.filter(token => token.name !== name)
    this.save()
  }

  /**
   * From another address each time, so that limits per address do not matter unless one is given; it waits as long as
   * a busy machine needs.
   */
  send(options: InjectOptions & { readonly token?: string }): Promise<LightMyRequestResponse> {
    const { token, ...rest } = options
    const remoteAddress = `10.${++this.lastAddress >> 8}.${this.lastAddress & 255}.1`
    const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` }
    return this.app.inject({
      remoteAddress,
      ...rest,
      headers: { ...authorization, prefer: 'wait=600', ...options.headers }
    })
  }

  private save(): void {
    writeTokens(this.path, this.stored)
    this.store.read()
  }
}

export async function apiRig(t: Test, options: ApiRigOptions = {}): Promise<ApiRig> {
  const rig = new ApiRig(t)
  const { routes = ROUTES, authenticators = [] } = options
  const unavailable = (): never => {
    throw new Error('not in this test')
  }
  rig.app = await createApi({
    routes,
    services: {
      config: rig.config,
      log: rig.log,
      trend: rig.trend,
      changes: rig.changes,
      reads: rig.reads,
      rules: unavailable,
      status: unavailable,
      command: unavailable,
      exported: unavailable,
      // Without the memory of what was run before.
      report: (...request) => (options.services?.command ?? unavailable)('report', ...request),
      control: unavailable,
      ...options.services
    },
    authenticators: [rig.store, ...authenticators],
    clock: rig.clock
  })
  t.teardown(() => rig.app.close())
  return rig
}
