import { createHash, randomBytes } from 'node:crypto'
import type { Clock } from '../../base/time/clock.js'
import { failure } from '../../base/errors/error.js'
import { reasonOf } from '../../base/errors/reason.js'
import { MS_PER_SECOND, type Milliseconds } from '../../base/units.js'
import { userKey } from '../channel/nkey.js'
import { encodeToken } from '../channel/enrol-token.js'
import { enrolSchema, readMessage } from '../channel/wire.js'
import type { ServiceLog } from '../../base/log/service-log.js'
import type { Authority } from './authority.js'
import type { HubConfig } from './hub-config.js'
import type { StateStore } from './hub-state.js'
import type { Inventory } from './inventory.js'

const MAX_REQUEST = 4096
/** Tokens that wait to be used. */
const MAX_TOKENS = 20_000

export interface EnrolmentOptions {
  readonly config: HubConfig
  readonly authority: Pick<Authority, 'enrolmentCredentials' | 'gatewayJwt'>
  readonly store: StateStore
  readonly inventory: Inventory
  readonly clock: Clock
  readonly log: ServiceLog
  /** Gives the servers the revoked keys. */
  readonly revoke: () => Promise<void>
}

/** Which gateways belong to the fleet: tokens for new ones, credentials, revocation. */
export class Enrolment {
  constructor(private readonly options: EnrolmentOptions) {
    for (const [name, { key, revoked }] of Object.entries(options.store.state.gateways)) {
      if (revoked === null) options.inventory.add(name, key)
    }
  }

  /**
   * Makes a token with which one gateway can get its credentials, once.
   *
   * @throws InterdictError HUB_RING, HUB_STATE
   */
  async createToken(
    name: string,
    ring: string,
    lifetime: Milliseconds,
    by: string
  ): Promise<{ readonly token: string; readonly expires: string }> {
    const { config, store, clock, authority, log } = this.options
    if (!config.rings.some(one => one.name === ring)) throw failure('HUB_RING', ring)
    const now = clock.wall()
    const secret = randomBytes(32).toString('base64url')
    const id = `enrol-${randomBytes(8).toString('hex')}`
    const expires = new Date(now + lifetime).toISOString()
    const until = Math.ceil((now + lifetime) / MS_PER_SECOND)
    const credentials = await authority.enrolmentCredentials(id, until)
    const { tokens } = store.state
    const current = Object.entries(tokens).filter(([, one]) => Date.parse(one.expires) > now)
    if (current.length >= MAX_TOKENS)
      throw failure('HUB_TOKEN', `${MAX_TOKENS} tokens wait already`)
    store.update({
      tokens: { ...Object.fromEntries(current), [hashOf(secret)]: { name, ring, expires } },
      events: store.event(by, `token for gateway ${name} in ring ${ring}, until ${expires}`)
    })
    log.info({ gateway: name, ring, by, expires }, 'enrolment token created')
    const creds = Buffer.from(credentials).toString()
    return {
      token: encodeToken({
        ...{ id, name, ring, secret, creds, nats: config.nats.servers },
        hub: config.publicUrl ?? null
      }),
      expires
    }
  }

  /** Answers a request for credentials. Never throws. */
  async enrol(octets: Uint8Array): Promise<Uint8Array> {
    const { store, clock, inventory, authority, log } = this.options
    const refuse = (error: string): Uint8Array => {
      log.warn({ code: 'HUB_TOKEN' }, `enrolment refused: ${error}`)
      return Buffer.from(JSON.stringify({ error }))
    }
    const request = readMessage(octets, enrolSchema, MAX_REQUEST)
    if (request === undefined || userKey(request.key) === undefined)
      return refuse('malformed request')
    const { secret, key } = request
    const hash = hashOf(secret)
    const { tokens, gateways, revocations } = store.state
    const token = tokens[hash]
    if (token === undefined) return refuse('the token is unknown, or was used before')
    if (Date.parse(token.expires) <= clock.wall()) return refuse('the token has expired')
    const { name, ring } = token
    try {
      const jwt = await authority.gatewayJwt(name, key)
      // Meanwhile the same token may have been used.
      if (store.state.tokens[hash] === undefined) return refuse('the token was used before')
      const others = Object.entries(store.state.tokens).filter(([known]) => known !== hash)
      const enrolled = new Date(clock.wall()).toISOString()
      const replaced = gateways[name]
      const revoked =
        replaced === undefined ? {} : { [replaced.key]: Math.floor(clock.wall() / 1000) }
      store.update({
        tokens: Object.fromEntries(others),
        gateways: { ...store.state.gateways, [name]: { key, ring, enrolled, revoked: null } },
        revocations: { ...revocations, ...revoked },
        events: store.event('hub', `gateway ${name} enrolled in ring ${ring}`)
      })
      inventory.add(name, key)
      log.info({ gateway: name, ring }, 'gateway enrolled')
      if (replaced !== undefined) void this.options.revoke()
      return Buffer.from(JSON.stringify({ jwt }))
    } catch (error) {
      return refuse(reasonOf(error, ''))
    }
  }

  /**
   * Withdraws the credentials of a gateway. It goes on with the rules that it has.
   *
   * @throws InterdictError HUB_GATEWAY, HUB_STATE, HUB_NATS
   */
  async revoke(name: string, by: string): Promise<void> {
    const { store, inventory, clock, log } = this.options
    const gateway = store.state.gateways[name]
    if (gateway === undefined) throw failure('HUB_GATEWAY', name)
    const now = clock.wall()
    store.update({
      gateways: {
        ...store.state.gateways,
        [name]: { ...gateway, revoked: new Date(now).toISOString() }
      },
      revocations: { ...store.state.revocations, [gateway.key]: Math.floor(now / MS_PER_SECOND) },
      events: store.event(by, `gateway ${name} revoked`)
    })
    inventory.remove(name)
    log.info({ gateway: name, by }, 'gateway revoked')
    await this.options.revoke()
  }
}

const hashOf = (secret: string): string => createHash('sha256').update(secret).digest('hex')
