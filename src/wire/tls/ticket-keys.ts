import { hkdfSync, randomBytes } from 'node:crypto'
import { MAX_SECRET_FILE, readBoundedFile } from '../../base/files/bounded-file.js'
import { failureAt, type InterdictError } from '../../base/errors/error.js'
import type { Position } from '../../base/errors/position.js'
import { reasonOf } from '../../base/errors/reason.js'
import { MS_PER_DAY, type Milliseconds, type Octets } from '../../base/units.js'

/** A ticket key is in use for so long; periods begin at whole multiples since the epoch, in UTC. */
export const TICKET_KEY_PERIOD: Milliseconds = MS_PER_DAY / 2
/** Name, HMAC key and AES key: what `ticketKeys` of node:tls takes. */
const TICKET_KEY_SIZE: Octets = 48
/** As strong as the keys that are derived from it. RFC 5869 §3.3. */
const MIN_SECRET: Octets = 32

export interface TicketSecretFile {
  readonly path: string
  /** Of the setting, for errors. */
  readonly position: Position
}

/**
 * The keys of session tickets (RFC 5077, RFC 8446 §4.6.1), the same for all workers. With a secret file
 * they are derived from it and from the period, so that gateways with the same file accept each other's
 * tickets; without one they are random.
 *
 * There is one key at a time: OpenSSL takes more only through a callback that Node does not expose. After
 * a change of keys each client makes one full handshake.
 */
export class TicketKeys {
  private secret: Buffer | undefined
  private period = -1
  private key: Uint8Array = new Uint8Array(0)

  /** @param inherited the random key of this period, from the process that this one replaces */
  constructor(
    private readonly file: TicketSecretFile | undefined,
    private inherited?: Uint8Array
  ) {}

  /** Reads the file again; on errors the previous secret remains in use. @throws InterdictError */
  async reload(): Promise<void> {
    if (this.file === undefined) return
    const secret = await readSecret(this.file)
    if (this.secret?.equals(secret) === true) return
    this.secret = secret
    this.period = -1
  }

  /** The key of this time; `reload` has to have succeeded once. @param now wall-clock time */
  at(now: Milliseconds): Uint8Array {
    const period = Math.floor(now / TICKET_KEY_PERIOD)
    if (period !== this.period) {
      this.period = period
      this.key =
        this.secret === undefined ? (this.inherited ?? random()) : derive(this.secret, period)
      this.inherited = undefined
    }
    return this.key
  }
}

function random(): Uint8Array {
  return Uint8Array.from(randomBytes(TICKET_KEY_SIZE))
}

/** HKDF with SHA-256: RFC 5869. */
function derive(secret: Uint8Array, period: number): Uint8Array {
  const info = `interdict tls ticket key ${period}`
  return new Uint8Array(hkdfSync('sha256', secret, '', info, TICKET_KEY_SIZE))
}

/** Errors of the file: TICKET_SECRET. */
export async function checkTicketSecret(
  file: TicketSecretFile | undefined
): Promise<readonly InterdictError[]> {
  if (file === undefined) return []
  return readSecret(file).then(
    () => [],
    (error: unknown) => [error as InterdictError]
  )
}

/** @throws InterdictError TICKET_SECRET */
async function readSecret({ path, position }: TicketSecretFile): Promise<Buffer> {
  const failed = (why: string): InterdictError => failureAt(position, 'TICKET_SECRET', path, why)
  const secret = await readBoundedFile(path, MAX_SECRET_FILE).catch((error: unknown) => {
    throw failed(reasonOf(error))
  })
  if (secret.length < MIN_SECRET)
    throw failed(`it has ${secret.length} bytes, fewer than ${MIN_SECRET}`)
  return secret
}
