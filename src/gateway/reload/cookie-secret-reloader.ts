import type { CookiesConfig } from '../config/config.js'
import { serializeError, type SerializedError } from '../../base/errors/serialized-error.js'
import { loadCookieSecrets, type CookieSecrets } from '../workers/cookie-secrets.js'

export interface CookieSecretReloaderOptions {
  readonly config: CookiesConfig
  /** The random secret of the process that this one replaces. */
  readonly inherited: CookieSecrets | undefined
  /** Called with the secrets whenever they were read. */
  readonly onChange: (secrets: CookieSecrets) => void
}

/** Keeps the server cookie secrets in use. A random secret is kept as long as the process runs. */
export class CookieSecretReloader {
  /** Undefined: not loaded yet, or server cookies are off. */
  current: CookieSecrets | undefined
  private config: CookiesConfig

  constructor(private readonly options: CookieSecretReloaderOptions) {
    this.config = options.config
  }

  /** Reads the secrets again. @returns the errors, after which the previous secrets remain in use */
  async reload(): Promise<readonly SerializedError[]> {
    const isRandom = this.config.secretFile === undefined
    if (this.current !== undefined && isRandom) return []
    try {
      const inherited = isRandom && this.config.server ? this.options.inherited : undefined
      this.current = inherited ?? (await loadCookieSecrets(this.config))
      if (this.current !== undefined) this.options.onChange(this.current)
      return []
    } catch (error) {
      return (error as AggregateError).errors.map(serializeError)
    }
  }

  /** @param secrets loaded with the new settings */
  configure(config: CookiesConfig, secrets: CookieSecrets | undefined): void {
    const isRandom = config.secretFile === undefined && this.config.secretFile === undefined
    const isKept = config.server && isRandom && this.current !== undefined
    if (!isKept) this.current = secrets
    this.config = config
  }
}
