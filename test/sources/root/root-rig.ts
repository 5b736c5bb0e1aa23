import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { withRootSignatures } from '../../../src/sources/root/change-root.js'
import { encodeRoot, rootLine, type Root } from '../../../src/sources/root/root.js'
import type { Pair } from '../../daemon/bundle-rig.js'

export const YEAR = 365 * 86_400

export interface RootOffer {
  readonly version?: number
  readonly root?: readonly Pair[]
  readonly threshold?: number
  readonly bundle?: readonly Pair[]
  readonly signatures?: number
  readonly mandate?: readonly Pair[]
  readonly hub?: readonly Pair[]
  /** Seconds since 1970. */
  readonly expires?: number
  readonly serials?: Root['serials']
  readonly signers: readonly Pair[]
}

const keysOf = (pairs: readonly Pair[]): string[] => pairs.map(({ publicKey }) => publicKey)

/** A root of trust, as in a file. Nothing is checked: tests need wrong ones. */
export function rootText({ signers, ...offer }: RootOffer): string {
  const { version = 1, root = signers, threshold = 1, bundle = [], signatures = 1 } = offer
  const { mandate = [], hub = [] } = offer
  const { expires = Math.floor(Date.now() / 1000) + YEAR, serials = { since: 0, from: 1 } } = offer
  const line = rootLine({
    version,
    expires,
    roles: {
      root: { keys: keysOf(root), threshold },
      bundle: { keys: keysOf(bundle), threshold: signatures },
      mandate: { keys: keysOf(mandate), threshold: 1 },
      hub: { keys: keysOf(hub), threshold: 1 }
    },
    serials
  })
  return encodeRoot(
    withRootSignatures(
      { line, signatures: [] },
      signers.map(({ key }) => key)
    )
  )
}

export const rootOctets = (offer: RootOffer): Buffer => Buffer.from(rootText(offer))

/** A gateway's root of trust: the file that its settings name, and the folder of what it accepted. */
export function rootPlace(t: Test, first: string) {
  const dir = mkdtempSync(join(tmpdir(), 'interdict-root-'))
  t.teardown(() => rmSync(dir, { recursive: true, force: true }))
  const place = { file: join(dir, 'fleet.root'), folder: join(dir, 'root') }
  writeFileSync(place.file, first)
  return { dir, place }
}
