import { createHmac } from 'node:crypto'
import { join } from 'node:path'
import {
  createAccount,
  createOperator,
  createUser,
  decode,
  encodeAccount,
  encodeOperator,
  encodeUser,
  fmtCreds,
  fromPublic,
  fromSeed,
  type Account,
  type KeyPair
} from '@nats-io/jwt'
import { writeFileAtomic } from '../../base/files/atomic-file.js'
import { MAX_SECRET_FILE, readBoundedFileSync } from '../../base/files/bounded-file.js'
import { failure } from '../../base/errors/error.js'
import { reasonOf } from '../../base/errors/reason.js'
import type { Seconds } from '../../base/units.js'
import {
  enrolmentClaims,
  enrolmentUser,
  gatewayClaims,
  gatewayUser,
  hubClaims,
  HUB_LIMITS,
  revokedClaims,
  userOf
} from './account-claims.js'

/**
 * Keys of NATS accounts: an operator that the servers trust, accounts for administration, for the hub and for enrolment, and one
 * for each gateway, as JWTs signed by these keys (decentralized JWT authentication of nats-server). The keys are files in
 * the folder of the hub, mode 0600. `account-claims.ts` has what each account may do.
 */

const NAME = 'interdict'

interface Keys {
  readonly operator: string
  /** Of the hub. */
  readonly account: string
  readonly enrolment: string
  readonly system: string
}

/** What a gateway gets when it enrols. */
export interface GatewayAccount {
  /** Public key of its account. The private key is not kept: the operator signs later changes. */
  readonly account: string
  /** JWT of the gateway in it. */
  readonly userJwt: string
}

/** Credentials that can only request others. */
export interface EnrolmentCredentials {
  /** Public key of the user. */
  readonly user: string
  readonly text: string
}

const FILES = { keys: 'authority.json', hub: 'hub.creds', system: 'system.creds' } as const
/** What the servers include. */
export const SERVER_FILE = 'nats-auth.conf'

export class Authority {
  private readonly operator: KeyPair
  private readonly enrolment: KeyPair
  /** Public key of the account of the hub. */
  readonly hubKey: string
  private readonly accountSeed: string

  private constructor(
    private readonly folder: string,
    keys: Keys
  ) {
    this.operator = pairOf(keys.operator)
    this.enrolment = pairOf(keys.enrolment)
    this.accountSeed = keys.account
    this.hubKey = pairOf(keys.account).getPublicKey()
  }

  /** Makes keys, credentials of the hub, and what the servers include. @throws InterdictError HUB_EXISTS, HUB_STATE */
  static async create(folder: string): Promise<Authority> {
    const operator = createOperator()
    const [account, enrolment, system] = [createAccount(), createAccount(), createAccount()]
    const [hub, admin] = [createUser(), createUser()]
    const path = (file: string): string => join(folder, file)
    const keys: Keys = {
      operator: seedOf(operator),
      account: seedOf(account),
      enrolment: seedOf(enrolment),
      system: seedOf(system)
    }
    if (exists(path(FILES.keys))) throw failure('HUB_EXISTS', path(FILES.keys))
    write(path(FILES.keys), `${JSON.stringify(keys)}\n`)
    const authority = new Authority(folder, keys)
    const everything = userOf(['>'], ['>'])
    write(path(FILES.hub), fmtCreds(await encodeUser('hub', hub, account, everything), hub))
    write(path(FILES.system), fmtCreds(await encodeUser('hub', admin, system, everything), admin))
    const signed = { signer: operator }
    const operatorJwt = await encodeOperator(NAME, operator, {
      system_account: system.getPublicKey()
    })
    const accounts = [
      [system, await encodeAccount('SYS', system, { limits: HUB_LIMITS }, signed)],
      [account, await encodeAccount(NAME, account, hubClaims(), signed)],
      [enrolment, await authority.enrolmentJwt({})]
    ] as const
    write(
      path(SERVER_FILE),
      `# Written by interdict hub init: include it in the configuration of every nats-server.
operator: ${operatorJwt}
system_account: ${system.getPublicKey()}
resolver: { type: full, dir: "./jwt", allow_delete: false, interval: "2m" }
resolver_preload: {
${accounts.map(([pair, jwt]) => `  ${pair.getPublicKey()}: ${jwt}\n`).join('')}}
`,
      0o644
    )
    return authority
  }

  /** @throws InterdictError HUB_STATE */
  static open(folder: string): Authority {
    const path = join(folder, FILES.keys)
    let keys: Partial<Keys>
    try {
      keys = JSON.parse(readBoundedFileSync(path, MAX_SECRET_FILE).toString()) as Partial<Keys>
    } catch (error) {
      throw failure('HUB_STATE', path, `${reasonOf(error)}; run interdict hub init first`)
    }
    // Gateways shared the account of the hub then: what they could do there cannot be taken back.
    if (keys.enrolment === undefined)
      throw failure(
        'HUB_STATE',
        path,
        'it is from an earlier version; see docs/operations/fleet.md'
      )
    try {
      return new Authority(folder, keys as Keys)
    } catch (error) {
      throw failure('HUB_STATE', path, reasonOf(error))
    }
  }

  /** Path of the credentials of the hub itself. */
  get hubCredentials(): string {
    return join(this.folder, FILES.hub)
  }

  /** Path of the credentials that may replace JWTs of accounts. */
  get systemCredentials(): string {
    return join(this.folder, FILES.system)
  }

  /** Public key of the account of enrolment. */
  get enrolmentKey(): string {
    return this.enrolment.getPublicKey()
  }

  /** Makes an account with one user; the servers need its JWT. @param key public nkey of the gateway */
  async createGateway(name: string, ring: string, key: string): Promise<GatewayAccount> {
    const pair = createAccount()
    const account = pair.getPublicKey()
    const userJwt = await encodeUser(name, fromPublic(key), pair, gatewayUser(name, ring))
    return { account, userJwt }
  }

  /** The JWT of the account of a gateway. @param account its public key */
  gatewayJwt(name: string, ring: string, account: string): Promise<string> {
    return this.sign(name, account, gatewayClaims(this.hubKey, account, ring))
  }

  /** The JWT of an account that is revoked. @param now seconds since 1970 */
  revokedJwt(account: string, now: Seconds): Promise<string> {
    return this.sign('revoked', account, revokedClaims(now))
  }

  /** The JWT of the account of enrolment. @param revoked times by public key of a user */
  enrolmentJwt(revoked: Readonly<Record<string, Seconds>>): Promise<string> {
    const { hubKey, enrolmentKey } = this
    return this.sign('enrolment', enrolmentKey, enrolmentClaims(hubKey, enrolmentKey, revoked))
  }

  /** @param expires seconds since 1970 */
  async enrolmentCredentials(id: string, expires: Seconds): Promise<EnrolmentCredentials> {
    const pair = createUser()
    const jwt = await encodeUser(id, pair, this.enrolment, enrolmentUser(id), { exp: expires })
    return { user: pair.getPublicKey(), text: Buffer.from(fmtCreds(jwt, pair)).toString() }
  }

  /** A code that only a hub with these keys can make, for what hubs of one fleet leave at NATS for each other. */
  seal(text: string): string {
    const key = `interdict-hubs 1 ${this.accountSeed}`
    return createHmac('sha256', key).update(text).digest('base64url')
  }

  private sign(name: string, account: string, claims: Partial<Account>): Promise<string> {
    return encodeAccount(name, fromPublic(account), claims, { signer: this.operator })
  }
}

/** True if the JWT of an account says that it is revoked. */
export function isRevokedJwt(jwt: string): boolean {
  try {
    return decode<Account>(jwt).nats.revocations?.['*'] !== undefined
  } catch {
    return false
  }
}

const seedOf = (pair: KeyPair): string => Buffer.from(pair.getSeed()).toString()
const pairOf = (seed: string): KeyPair => fromSeed(Buffer.from(seed))

function exists(path: string): boolean {
  try {
    readBoundedFileSync(path, MAX_SECRET_FILE)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ENOENT'
  }
}

function write(path: string, octets: Uint8Array | string, mode = 0o600): void {
  try {
    writeFileAtomic(path, octets, { mode, folderMode: 0o700 })
  } catch (error) {
    throw failure('HUB_STATE', path, reasonOf(error))
  }
}
