import { epochSeconds, systemClock } from '../../base/clock.js'
import { readPublicKey } from '../../base/ed25519.js'
import { escapeControls } from '../../querylog/record/terminal-line.js'
import { showInstant } from '../../rules/time/instant.js'
import { decodeBundle, readBundleFile, type Bundle } from '../../sources/bundle/bundle.js'
import { checkValidity } from '../../sources/bundle/validity.js'
import { parseWholeNumber } from '../args/parse.js'
import { EXIT, usageError } from '../exit.js'
import { print, type Io } from '../io.js'
import { formatCount } from '../output/format.js'

/** `interdict bundle show`: contents of a bundle, whoever signed it, expired or not. */
export async function show(
  path: string,
  { json }: { readonly json?: boolean },
  io: Io
): Promise<number> {
  const bundle = await decodeBundle(await readBundleFile(path, path), path)
  const { manifest, signers, content } = bundle
  const names = [...content].map(([name, { length }]) => ({ name, octets: length }))
  if (json === true) {
    const { created, expires } = manifest
    const instants = { created: showInstant(created, 'UTC'), expires: showInstant(expires, 'UTC') }
    const json = { ...manifest, ...instants, signers, files: names }
    print(io, `${JSON.stringify(json, undefined, 2)}\n`)
  } else {
    const files = names.map(
      ({ name, octets }) => `${String(octets).padStart(12)} ${escapeControls(name)}`
    )
    print(io, `${[path, ...manifestLines(bundle), ...files].join('\n')}\n`)
  }
  return EXIT.success
}

/** `interdict bundle verify`: whether a gateway with these keys, and no other bundle, accepts it. */
export async function verify(
  path: string,
  { trust: keys, signatures }: { readonly trust: readonly string[]; readonly signatures: string },
  io: Io
): Promise<number> {
  for (const one of keys) {
    if (readPublicKey(one) === undefined)
      usageError(`--trust: ${one} is not an Ed25519 public key in base64`)
  }
  const required = parseWholeNumber('--signatures', signatures, { min: 1, max: keys.length })
  const trust = { keys, signatures: required }
  const bundle = await decodeBundle(await readBundleFile(path, path), path, trust)
  checkValidity(bundle.manifest, path, epochSeconds(systemClock))
  print(io, `${[path, ...manifestLines(bundle)].join('\n')}\n`)
  return EXIT.success
}

export function manifestLines({ manifest, signers }: Bundle): string[] {
  const { serial, sha256, files, octets, created, expires } = manifest
  return [
    `serial ${serial}, SHA-256 ${sha256}`,
    `${formatCount(files, 'file')}, ${formatCount(octets, 'byte')}`,
    `created ${showInstant(created, 'UTC')}, expires ${showInstant(expires, 'UTC')}`,
    ...(signers.length === 0 ? ['not signed'] : signers.map(key => `signed by ${key}`))
  ]
}
