import { appendFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Test } from 'tap'
import { readPublicKey } from '../../../src/base/files/ed25519.js'
import { encodeEntry, hashLine, INITIAL_HASH } from '../../../src/lookups/chain/chain-entry.js'
import type { ChainEntry, EntryBody } from '../../../src/lookups/chain/chain-entry.js'
import { readSignKey } from '../../../src/lookups/chain/sign-key.js'
import { verifyLog } from '../../../src/lookups/chain/verify.js'
import { LogLayout } from '../../../src/lookups/files/log-layout.js'
import { readHeldReceipts } from '../../../src/lookups/witness/external-receipts.js'
import { verifyWitness, withWitness } from '../../../src/lookups/witness/verify-witness.js'
import { readCertificates } from '../../../src/wire/pki/time-stamp.js'
import { linesOf, signKey, tendOnce, writeLines } from '../archive/chain/rig.js'
import { lines, logFolder, record } from '../archive/lines.js'
import { makeAuthority, makeTimeStamp } from '../../pki/time-stamps.js'

export const MINUTE = 60_000
/** The stamps of a test are of this day, within the validity of its certificates. */
const midnight = (): number => Math.floor(Date.now() / 86_400_000) * 86_400_000

/**
 * A log with a lookup every minute, a checkpoint every ten minutes, and a time stamp of each.
 *
 * @param hours how long it goes on
 * @param earlier files that are there before the chain
 */
export async function witnessedLog(
  t: Test,
  hours: number,
  earlier: Readonly<Record<string, string>> = {}
) {
  const path = logFolder(t, { 'queries.jsonl': '', ...earlier })
  const folder = dirname(path)
  const key = signKey(t)
  const chain = { ...key.options, checkpoint: 10 * MINUTE, coversLive: true }
  const authority = makeAuthority({ notBefore: new Date(midnight() - 2 * 86_400_000) })
  const began = midnight() - 86_400_000
  const witnessPath = join(folder, 'witness.jsonl')
  const stamp = (n: number, sha256: string, at: number): void => {
    const response = makeTimeStamp(authority, sha256, { time: new Date(at) }).toString('base64')
    const time = new Date(at).toISOString()
    const receipt = { v: 1, n, sha256, time, to: 'https://tsa.example/', by: 'tsa', response }
    appendFileSync(witnessPath, `${JSON.stringify(receipt)}\n`)
  }
  for (let minute = 0; minute < 60 * hours; minute += 10) {
    for (let i = 0; i < 10; i++) {
      const time = new Date(began + (minute + i) * MINUTE).toISOString()
      appendFileSync(path, lines(record(time)))
    }
    const now = began + (minute + 10) * MINUTE
    await tendOnce(path, new Date(now).toISOString(), { parquet: false, chain })
    const all = linesOf(path)
    stamp(all.length, hashLine(all.at(-1)!), now + 3_000)
  }
  const now = began + 60 * hours * MINUTE + 5_000
  const verify = async (held: Uint8Array = Buffer.alloc(0), at = now) =>
    withWitness(
      await verifyLog(new LogLayout(path), [readPublicKey(key.publicKey)!]),
      verifyWitness(folder, {
        authorities: readCertificates(authority.ca),
        held: readHeldReceipts(held),
        now: at
      })
    )
  /** Writes other lookups and a chain that fits them, with the key of the gateway. */
  const forge = (): void => {
    writeFileSync(path, readFileSync(path, 'utf8').replaceAll('"blocked"', '"forwarded"'))
    const octets = readFileSync(path)
    let head = { n: 0, sha256: INITIAL_HASH }
    const forged = linesOf(path).map(text => {
      const entry = JSON.parse(text) as ChainEntry
      const body = reseal(bodyOf(entry), octets, path)
      const line = encodeEntry(body, Date.parse(entry.time), head, readSignKey(chain.signKey))
      head = { n: head.n + 1, sha256: hashLine(line) }
      return line
    })
    writeLines(path, forged)
  }
  const dropReceipts = (): void => rmSync(witnessPath, { force: true })
  const restamp = (at: number): void => {
    dropReceipts()
    for (const [i, line] of linesOf(path).entries())
      if (line.includes('"checkpoint"')) stamp(i + 1, hashLine(line), at)
  }
  return { path, folder, authority, began, now, verify, forge, dropReceipts, restamp, witnessPath }
}

/** The fields that the chain adds to an entry. */
const ADDED = ['v', 'n', 'time', 'prev', 'signature']
const bodyOf = (entry: ChainEntry): EntryBody =>
  Object.fromEntries(
    Object.entries(entry).filter(([name]) => !ADDED.includes(name))
  ) as unknown as EntryBody

/** Lines of the log per checkpoint. */
const LINES = 10
let sealed = { path: '', at: 0 }

/** A segment of the forged file instead of the real one. */
function reseal(entry: EntryBody, octets: Buffer, path: string): EntryBody {
  if (entry.kind !== 'checkpoint' || entry.open === undefined) return entry
  const from = entry.open.from === 0 ? 0 : sealed.path === path ? sealed.at : 0
  let to = from
  for (let i = 0; i < LINES; i++) to = octets.indexOf('\n', to) + 1
  sealed = { path, at: to }
  return { ...entry, open: { from, to, sha256: hashLine(octets.subarray(from, to)) } }
}
