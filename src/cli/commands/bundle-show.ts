import { epochSeconds, systemClock } from '../../base/clock.js'
import { readPublicKey } from '../../base/ed25519.js'
import { escapeControls } from '../../querylog/record/terminal-line.js'
import { showInstant } from '../../rules/time/instant.js'
import { decodeBundle, readBundleFile, type Bundle } from '../../sources/bundle/bundle.js'
import { checkDate } from '../../sources/bundle/date.js'
import { EXIT, usage } from '../exit.js'
import { print, type Io } from '../io.js'
import { count } from '../output/show.js'

/** `interdict bundle show`: a bundle as it is, whoever signed it, in date or not. */
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
    const said = { ...manifest, ...instants, signers, files: names }
    print(io, `${JSON.stringify(said, undefined, 2)}\n`)
  } else {
    const files = names.map(
      ({ name, octets }) => `${String(octets).padStart(12)} ${escapeControls(name)}`
    )
    print(io, `${[path, ...manifestLines(bundle), ...files].join('\n')}\n`)
  }
  return EXIT.success
}

/** `interdict bundle verify`: whether a gateway with these keys would take it, had it no other. */
export async function verify(
  path: string,
  { key, signatures }: { readonly key: readonly string[]; readonly signatures: string },
  io: Io
): Promise<number> {
  for (const one of key) {
    if (readPublicKey(one) === undefined) usage(`--key: ${one} is no Ed25519 public key in base64`)
  }
  const wanted = /^\d{1,2}$/.test(signatures) ? Number(signatures) : 0
  if (wanted < 1 || wanted > key.length)
    usage(`--signatures: ${signatures} is no number from 1 to ${key.length}, that of the keys`)
  const trust = { keys: key, signatures: wanted }
  const bundle = await decodeBundle(await readBundleFile(path, path), path, trust)
  checkDate(bundle.manifest, path, epochSeconds(systemClock))
  print(io, `${[path, ...manifestLines(bundle)].join('\n')}\n`)
  return EXIT.success
}

export function manifestLines({ manifest, signers }: Bundle): string[] {
  const { serial, sha256, files, octets, created, expires } = manifest
  return [
    `serial ${serial}, SHA-256 ${sha256}`,
    `${count(files, 'file')}, ${count(octets, 'octet')}`,
    `made ${showInstant(created, 'UTC')}, expires ${showInstant(expires, 'UTC')}`,
    ...(signers.length === 0 ? ['not signed'] : signers.map(key => `signed ${key}`))
  ]
}
