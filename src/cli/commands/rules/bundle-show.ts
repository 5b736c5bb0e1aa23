import { epochSeconds, systemClock } from '../../../base/time/clock.js'
import type { ParsedRequest } from '../../../gateway/processes/requests.js'
import { escapeControls } from '../../../base/log/terminal-line.js'
import { showInstant } from '../../../base/time/instant.js'
import { decodeBundle, readBundleFile, type Bundle } from '../../../sources/bundle/bundle.js'
import { checkValidity } from '../../../sources/bundle/validity.js'
import { parseWholeNumber } from '../../args/parse.js'
import { parseTrustedKeys } from '../../args/trust-option.js'
import { EXIT } from '../../exit.js'
import { print, printJson, type Io } from '../../io.js'
import { formatCount } from '../../output/format.js'

/** `interdict bundle show`: contents of a bundle, whoever signed it, expired or not. */
export async function show(
  path: string,
  { json }: { readonly json?: boolean },
  io: Io
): Promise<number> {
  const bundle = await decodeBundle(await readBundleFile(path, path), path)
  const files = [...bundle.content].map(
    ([name, { length }]) => `${String(length).padStart(12)} ${escapeControls(name)}`
  )
  printBundle(path, bundle, json, io, files)
  return EXIT.success
}

/**
 * Prints what a bundle has, as JSON in the same form for every command.
 *
 * @param more further lines of text
 */
export function printBundle(
  path: string,
  bundle: Bundle,
  json: boolean | undefined,
  io: Io,
  more: readonly string[] = []
): void {
  if (json !== true) {
    print(io, `${[path, ...manifestLines(bundle), ...more].join('\n')}\n`)
    return
  }
  printJson(io, jsonOf(bundle))
}

/** The JSON form, which is public. */
export function jsonOf({ manifest, signers, content }: Bundle): object {
  return {
    ...manifest,
    created: showInstant(manifest.created, 'UTC'),
    expires: showInstant(manifest.expires, 'UTC'),
    signers,
    files: [...content].map(([name, { length }]) => ({ name, octets: length }))
  }
}

interface VerifyOptions {
  readonly trust: readonly string[]
  readonly signatures: string
  readonly json?: boolean
}

/** `interdict bundle verify`: whether a gateway with these keys, and no other bundle, accepts it. */
export async function verify(
  path: string,
  { trust: values, signatures, json }: VerifyOptions,
  io: Io
): Promise<number> {
  const trust = await parseTrustedKeys(values)
  const required = parseWholeNumber('--signatures', signatures, { min: 1, max: trust.length })
  const request = { path, trust: [...trust], signatures: required }
  printBundle(path, await performVerify(request), json, io)
  return EXIT.success
}

/** @throws InterdictError as `readBundleFile`, `decodeBundle` and `checkValidity` */
export async function performVerify({
  path,
  trust: keys,
  signatures
}: ParsedRequest<'bundle verify'>): Promise<Bundle> {
  const bundle = await decodeBundle(await readBundleFile(path, path), path, { keys, signatures })
  checkValidity(bundle.manifest, path, epochSeconds(systemClock))
  return bundle
}

function manifestLines({ manifest, signers }: Bundle): string[] {
  const { serial, sha256, files, octets, created, expires } = manifest
  return [
    `serial ${serial}, SHA-256 ${sha256}`,
    `${formatCount(files, 'file')}, ${formatCount(octets, 'byte')}`,
    `created ${showInstant(created, 'UTC')}, expires ${showInstant(expires, 'UTC')}`,
    ...(signers.length === 0 ? ['not signed'] : signers.map(key => `signed by ${key}`))
  ]
}
