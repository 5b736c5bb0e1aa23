import { parsePrivateKey } from '../../src/base/files/ed25519.js'
import { sha256Of } from '../../src/base/bytes/sha256.js'
import { encodeBundle } from '../../src/sources/bundle/bundle.js'

export interface OfferedCatalogue {
  /** The file of the app `clip`. */
  readonly app: string
  readonly serial: number
  readonly version?: string
  readonly expires?: number
  /** Private key, as PEM. */
  readonly key: string
  /** A file of an earlier version, whose copies in rules have no effect. */
  readonly earlier?: string
}

/** The file of the app `clip`, with these names. */
export const clipWith = (...names: string[]): string =>
  `app: clip\ntitle: Clip\ncollateral: [Shared videos stop]\nnames:\n${names
    .map(name => `  - { name: ${name}, role: cdn, evidence: [list-a] }\n`)
    .join('')}`

/** A signed catalogue with one app. */
export function catalogueBundle(offered: OfferedCatalogue): Promise<Uint8Array> {
  const { app, serial, version = `1.${serial}`, key, earlier } = offered
  const copies = earlier === undefined ? '' : `'${sha256Of(Buffer.from(earlier))}'`
  const content = new Map([
    ['catalogue.yaml', Buffer.from(`version: "${version}"\ncopies: { clip: [${copies}] }\n`)],
    ['evidence.yaml', Buffer.from('sources: { list-a: { publisher: A list, family: a } }\n')],
    ['apps/clip.yaml', Buffer.from(app)]
  ])
  const created = Math.floor(Date.now() / 1000) - 100
  const { expires = created + 1000 } = offered
  return encodeBundle(content, {
    ...{ serial, created, expires },
    keys: [parsePrivateKey(Buffer.from(key))]
  })
}
