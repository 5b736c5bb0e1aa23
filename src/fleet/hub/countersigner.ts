import { createPublicKey, sign, type KeyObject } from 'node:crypto'
import { appendFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { writeFileAtomic } from '../../base/files/atomic-file.js'
import { generateKeys, parsePrivateKey, showPublicKey } from '../../base/files/ed25519.js'
import type { PublicKey } from '../../base/files/ed25519.js'
import { failure } from '../../base/errors/error.js'
import { reasonOf } from '../../base/errors/reason.js'
import type { Clock } from '../../base/time/clock.js'
import type { Milliseconds, Octets } from '../../base/units.js'
import type { ServiceLog } from '../../base/log/service-log.js'
import { countersignedOctets } from '../../lookups/witness/countersignature.js'
import type { Receipt } from '../../lookups/witness/receipts.js'
import { checkpointSchema, readMessage, type CountersignReply } from '../channel/wire.js'

const KEY_FILE = 'witness.pem'
/** Public key, for the settings of gateways. */
const PUBLIC_FILE = 'witness.pub'
/** Copies of signed checkpoints, one file per gateway. */
const FOLDER = 'witness'
const MAX_REQUEST: Octets = 1024
/** Limits the signatures of a gateway, so that it cannot fill the disk. */
const MIN_INTERVAL: Milliseconds = 5_000
const NAME = /^[a-z0-9][a-z0-9-]{0,62}$/

/** Countersigns checkpoints of the query logs of gateways, and keeps a copy of each. */
export class Countersigner {
  readonly publicKey: PublicKey
  private readonly key: KeyObject
  private readonly signedAt = new Map<string, Milliseconds>()

  /** @param folder of the hub's state @throws InterdictError HUB_STATE */
  constructor(
    private readonly folder: string,
    private readonly log: ServiceLog,
    private readonly clock: Clock
  ) {
    this.key = openKey(folder)
    this.publicKey = showPublicKey(createPublicKey(this.key))
  }

  /** @param gateway its name, from the subject on which only this gateway may publish @returns the reply */
  countersign(gateway: string, octets: Uint8Array): Uint8Array {
    return Buffer.from(JSON.stringify(this.replyTo(gateway, octets)))
  }

  private replyTo(gateway: string, octets: Uint8Array): CountersignReply {
    const request = readMessage(octets, checkpointSchema, MAX_REQUEST)
    if (request === undefined || !NAME.test(gateway)) return { error: 'invalid request' }
    const last = this.signedAt.get(gateway) ?? -Infinity
    const now = this.clock.now()
    if (now - last < MIN_INTERVAL) return { error: 'too many requests' }
    this.signedAt.set(gateway, now)
    const { n, sha256 } = request
    const at = new Date(this.clock.wall()).toISOString()
    const line = countersignedOctets(gateway, request, at)
    const signature = sign(null, line, this.key).toString('base64')
    const copy: Receipt = {
      ...{ v: 1, n, sha256, time: at, to: gateway },
      ...{ by: 'hub', gateway, at, signature }
    }
    try {
      this.keep(gateway, copy)
      return { at, signature }
    } catch (error) {
      const { code, message } = failure('HUB_STATE', join(this.folder, FOLDER), reasonOf(error))
      this.log.error({ code }, message)
      return { error: 'the hub cannot store it' }
    }
  }

  private keep(gateway: string, receipt: Receipt): void {
    const folder = join(this.folder, FOLDER)
    mkdirSync(folder, { recursive: true, mode: 0o750 })
    appendFileSync(join(folder, `${gateway}.jsonl`), `${JSON.stringify(receipt)}\n`, {
      mode: 0o640
    })
  }
}

/** Creates a key at the first start. */
function openKey(folder: string): KeyObject {
  const path = join(folder, KEY_FILE)
  try {
    if (!existsSync(path)) {
      const { privatePem, publicKey } = generateKeys()
      writeFileAtomic(path, privatePem, { mode: 0o600, folderMode: 0o700 })
      writeFileAtomic(join(folder, PUBLIC_FILE), `${publicKey}\n`, {
        mode: 0o644,
        folderMode: 0o700
      })
    }
    return parsePrivateKey(readFileSync(path))
  } catch (error) {
    throw failure('HUB_STATE', path, reasonOf(error))
  }
}
