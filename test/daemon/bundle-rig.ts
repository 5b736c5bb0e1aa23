import { createPrivateKey, type KeyObject } from 'node:crypto'
import { renameSync, writeFileSync } from 'node:fs'
import type { Test } from 'tap'
import { generateKeys } from '../../src/base/files/ed25519.js'
import { AcceptedBundles } from '../../src/sources/bundle/accepted-bundles.js'
import { encodeBundle } from '../../src/sources/bundle/bundle.js'
import { banned } from './banned.js'
import { Rig, type Setting } from './serve.js'
import { banning, eventually, type Site } from './site.js'

export interface Pair {
  readonly key: KeyObject
  readonly publicKey: string
}

export const pair = (): Pair => {
  const { privatePem, publicKey } = generateKeys()
  return { key: createPrivateKey(privatePem), publicKey }
}

/** Two trusted key pairs, and one that is not trusted. */
export const [one, two, stranger] = [pair(), pair(), pair()] as const

export const DAY = 86_400
export const now = (): number => Math.floor(Date.now() / 1000)

export interface Offer {
  readonly serial: number
  /** The banned name. */
  readonly bans?: string
  /** Days from now. */
  readonly created?: number
  readonly expires?: number
  readonly keys?: readonly Pair[]
  readonly files?: Readonly<Record<string, string>>
}

/** A bundle that bans one name. */
export function bundle({
  serial,
  bans = `n${serial}.example`,
  created = -1,
  expires = 90,
  keys = [one],
  files = { 'networks.yaml': banning(bans) }
}: Offer): Promise<Uint8Array> {
  const content = new Map(Object.entries(files).map(([name, text]) => [name, Buffer.from(text)]))
  return encodeBundle(content, {
    serial,
    created: now() + created * DAY,
    expires: now() + expires * DAY,
    keys: keys.map(({ key }) => key)
  })
}

/** Puts a bundle in place atomically, like `mv`. */
export function put(site: Site, octets: Uint8Array): void {
  writeFileSync(site.path('half'), octets)
  renameSync(site.path('half'), site.path('rules.bundle'))
}

export const RULES = `rules: { bundle: rules.bundle, keys: [${one.publicKey}] }`
export const RULES_OF_TWO = `rules: { bundle: rules.bundle, keys: [${one.publicKey}, ${two.publicKey}], signatures: 2 }`

/** A gateway that takes its rules from bundles, not started. */
export async function rig(t: Test, offer?: Offer, setting: Setting = {}): Promise<Rig> {
  const made = new Rig(t, { more: RULES, files: {}, ...setting })
  if (offer !== undefined) put(made.site, await bundle(offer))
  return made
}

/** A running gateway with a bundle. */
export async function started(t: Test, offer: Offer, setting: Setting = {}): Promise<Rig> {
  const made = await rig(t, offer, setting)
  const troubles = await made.gateway.start()
  if (troubles.length > 0) throw new Error(troubles.map(({ message }) => message).join('\n'))
  return made
}

/** Checks that the bundle with this serial is active. */
export async function isInForce(t: Test, rig: Rig, serial: number): Promise<void> {
  t.equal(rig.gateway.rules.origin.bundle?.serial, serial)
  t.ok(await banned(rig, `n${serial}.example`), `the ban of ${serial} holds`)
}

export const taken = (rig: Rig, serial: number): Promise<void> =>
  eventually(`bundle ${serial}`, () => rig.gateway.rules.origin.bundle?.serial === serial)

/** Stops a gateway, and makes another one with its state. */
export async function restarted(t: Test, before: Rig, keep = true): Promise<Rig> {
  await before.gateway.stop()
  const files = Object.fromEntries(
    ['accepted.json', ...[6, 7, 8].map(serial => `${serial}.bundle`)]
      .map(name => `state/bundles/${name}`)
      .filter(name => before.site.has(name))
      .map(name => [name, before.site.octets(name)])
  )
  const next = await rig(t)
  for (const [name, octets] of Object.entries(files)) next.site.write(name, octets)
  if (keep) put(next.site, before.site.octets('rules.bundle'))
  return next
}

/** Rolls back like `interdict rollback`. */
export function rollBack(rig: Rig, from: number, to: number): void {
  const store = new AcceptedBundles(rig.site.path('state/bundles'))
  const at = new Date().toISOString()
  store.rollBack(store.read()!, { from, to, by: 'ops', at })
}

/** Waits until an error with this code is logged. */
export const refused = (rig: Rig, code: string): Promise<void> =>
  eventually(code, () =>
    rig.log.lines.some(({ level, fields }) => level === 'error' && fields.code === code)
  )
