import { timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { Clock } from '../../base/time/clock.js'
import { failure, type InterdictError } from '../../base/errors/error.js'
import type { Milliseconds } from '../../base/units.js'
import type { ServiceLog } from '../../base/log/service-log.js'
import { FileWatcher } from '../../gateway/compiler/file-watcher.js'
import { readWatchState } from '../../gateway/compiler/watch-state.js'
import { serializeError } from '../../base/errors/serialized-error.js'
import type { Authenticator, Principal } from './authenticator.js'
import { hashOf, readTokens, TOKEN, type StoredToken } from './token-file.js'

interface KnownToken extends StoredToken {
  readonly hash: Buffer
  /** Wall-clock time. */
  readonly expiresAt: Milliseconds
}

/** The tokens of the file, and bearer authentication by them. RFC 6750 §2.1 */
export class TokenStore implements Authenticator {
  private tokens: readonly KnownToken[] = []
  private watcher: FileWatcher | undefined

  constructor(
    private readonly path: string,
    private readonly clock: Clock,
    private readonly log: ServiceLog
  ) {}

  /** Reads the file, now and whenever it changes. */
  async open(): Promise<void> {
    const onChange = (): void => this.read()
    this.watcher = new FileWatcher({ onActivity: () => undefined, onChange })
    const state = await readWatchState([this.path])
    this.read()
    this.watcher.watch(state)
  }

  close(): void {
    this.watcher?.close()
  }

  authenticate({ headers }: IncomingMessage): Principal | InterdictError | undefined {
    const { authorization } = headers
    if (authorization === undefined) return undefined
    const [, text = ''] = /^bearer +(\S+) *$/i.exec(authorization) ?? []
    const found = TOKEN.test(text) ? this.find(text) : undefined
    if (found === undefined) return failure('API_TOKEN')
    if (!this.isCurrent(found)) return failure('API_EXPIRED', found.expires)
    const { name, scopes, sha256 } = found
    const isValid = (): boolean => {
      const token = this.tokens.find(one => one.sha256 === sha256)
      return token !== undefined && this.isCurrent(token)
    }
    return { name, scopes: new Set(scopes), isValid }
  }

  /** Reads the file. If that fails, the previous tokens stay valid. */
  read(): void {
    try {
      this.tokens = readTokens(this.path).map(token => ({
        ...token,
        hash: Buffer.from(token.sha256, 'hex'),
        expiresAt: Date.parse(token.expires)
      }))
    } catch (error) {
      this.log.error(serializeError(error), 'API tokens not read; the previous ones stay valid')
    }
  }

  private isCurrent({ expiresAt }: KnownToken): boolean {
    return this.clock.wall() < expiresAt
  }

  /** Compares with every token, each in constant time. */
  private find(text: string): KnownToken | undefined {
    const hash = hashOf(text)
    let found: KnownToken | undefined
    for (const token of this.tokens) if (timingSafeEqual(token.hash, hash)) found = token
    return found
  }
}
