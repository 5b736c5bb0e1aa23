import { join } from 'node:path'
import {
  createAccount,
  createOperator,
  createUser,
  encodeAccount,
  encodeOperator,
  encodeUser,
  fmtCreds,
  fromPublic,
  fromSeed,
  type KeyPair,
  type Permissions
} from '@nats-io/jwt'
import { writeFileAtomic } from '../../base/files/atomic-file.js'
import { MAX_SECRET_FILE, readBoundedFileSync } from '../../base/files/bounded-file.js'
import { failure } from '../../base/errors/error.js'
import { reasonOf } from '../../base/errors/reason.js'
import type { Seconds } from '../../base/units.js'
import {
  BUNDLES_STORE,
  ENROL_SUBJECT,
  inboxOf,
  liveSubject,
  LOGS_STREAM,
  logObject,
  logsSubject,
  witnessSubject,
  REPORT_SUBJECT,
  ringSubject,
  RINGS_BUCKET
} from '../channel/wire.js'

/**
 * Who may do what on NATS: an operator that the servers trust, an account for the fleet, one for administration, and
 * users, as JWTs signed by these keys (decentralized JWT authentication of nats-server). The keys are files
 * in the folder of the hub, mode 0600.
 */

const NAME = 'interdict'
/** Without limits: gateways are limited by their permissions. */
const UNLIMITED = -1
const LIMITS = {
  ...{ subs: UNLIMITED, data: UNLIMITED, payload: UNLIMITED, imports: UNLIMITED },
  ...{ exports: UNLIMITED, wildcards: true, conn: UNLIMITED, leaf: UNLIMITED }
}

interface Keys {
  readonly operator: string
  readonly account: string
  readonly system: string
}

const FILES = { keys: 'authority.json', hub: 'hub.creds', system: 'system.creds' } as const
/** What the servers include. */
export const SERVER_FILE = 'nats-auth.conf'

export class Authority {
  private readonly account: KeyPair
  private readonly operator: KeyPair

  private constructor(
    private readonly folder: string,
    keys: Keys
  ) {
    this.account = pairOf(keys.account)
    this.operator = pairOf(keys.operator)
  }

  /** Makes keys, credentials of the hub, and what the servers include. @throws InterdictError HUB_EXISTS, HUB_STATE */
  static async create(folder: string): Promise<Authority> {
    const [operator, account, system] = [createOperator(), createAccount(), createAccount()]
    const [hub, admin] = [createUser(), createUser()]
    const path = (file: string): string => join(folder, file)
    const keys: Keys = {
      operator: seedOf(operator),
      account: seedOf(account),
      system: seedOf(system)
    }
    if (exists(path(FILES.keys))) throw failure('HUB_EXISTS', path(FILES.keys))
    write(path(FILES.keys), `${JSON.stringify(keys)}\n`)
    const authority = new Authority(folder, keys)
    const hubJwt = await encodeUser('hub', hub, account, permissions(['>'], ['>']))
    write(path(FILES.hub), fmtCreds(hubJwt, hub))
    const adminJwt = await encodeUser('hub', admin, system, permissions(['>'], ['>']))
    write(path(FILES.system), fmtCreds(adminJwt, admin))
    const operatorJwt = await encodeOperator(NAME, operator, {
      system_account: system.getPublicKey()
    })
    const systemJwt = await encodeAccount('SYS', system, { limits: LIMITS }, { signer: operator })
    const accountJwt = await authority.accountJwt({})
    write(
      path(SERVER_FILE),
      `# Written by interdict hub init: include it in the configuration of every nats-server.
operator: ${operatorJwt}
system_account: ${system.getPublicKey()}
resolver: { type: full, dir: "./jwt", allow_delete: false, interval: "2m" }
resolver_preload: {
  ${system.getPublicKey()}: ${systemJwt}
  ${account.getPublicKey()}: ${accountJwt}
}
`,
      0o644
    )
    return authority
  }

  /** @throws InterdictError HUB_STATE */
  static open(folder: string): Authority {
    const path = join(folder, FILES.keys)
    try {
      const text = readBoundedFileSync(path, MAX_SECRET_FILE).toString()
      return new Authority(folder, JSON.parse(text) as Keys)
    } catch (error) {
      throw failure('HUB_STATE', path, `${reasonOf(error)}; run interdict hub init first`)
    }
  }

  /** Path of the credentials of the hub itself. */
  get hubCredentials(): string {
    return join(this.folder, FILES.hub)
  }

  /** Path of the credentials that may replace the JWT of the account. */
  get systemCredentials(): string {
    return join(this.folder, FILES.system)
  }

  /** Public key of the account of the fleet. */
  get accountKey(): string {
    return this.account.getPublicKey()
  }

  /** @param revoked time of the revocation by public key of a user, in seconds since 1970 */
  accountJwt(revoked: Readonly<Record<string, Seconds>>): Promise<string> {
    const storage = { mem_storage: UNLIMITED, disk_storage: UNLIMITED }
    const limits = { ...LIMITS, ...storage, streams: UNLIMITED, consumer: UNLIMITED }
    const claims = { limits, revocations: { ...revoked } }
    return encodeAccount(NAME, this.account, claims, { signer: this.operator })
  }

  /**
   * The JWT of a gateway. It may read what is wanted and the bundles, send reports and its own logs, and
   * nothing else.
   *
   * @param key its public nkey
   */
  gatewayJwt(name: string, key: string): Promise<string> {
    const direct = '$JS.API.DIRECT.GET'
    const publish = [
      REPORT_SUBJECT,
      `${direct}.KV_${RINGS_BUCKET}.${ringSubject('*')}`,
      `${direct}.OBJ_${BUNDLES_STORE}`,
      `${direct}.OBJ_${BUNDLES_STORE}.>`,
      logsSubject(name),
      liveSubject(name),
      witnessSubject(name),
      ...(['C', 'M'] as const).flatMap(part => {
        const subject = logObject(part, name, '*')
        return [subject, `${direct}.${LOGS_STREAM}.${subject}`]
      })
    ]
    const subscribe = [`${inboxOf(name)}.>`, ringSubject('*')]
    return encodeUser(name, fromPublic(key), this.account, permissions(publish, subscribe))
  }

  /** Credentials that can only ask for others. @param expires seconds since 1970 */
  async enrolmentCredentials(id: string, expires: Seconds): Promise<Uint8Array> {
    const user = createUser()
    const allowed = permissions([ENROL_SUBJECT], [`${inboxOf(id)}.>`])
    const jwt = await encodeUser(id, user, this.account, allowed, { exp: expires })
    return fmtCreds(jwt, user)
  }
}

function permissions(publish: string[], subscribe: string[]): Permissions {
  return { pub: { allow: publish, deny: [] }, sub: { allow: subscribe, deny: [] } }
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
