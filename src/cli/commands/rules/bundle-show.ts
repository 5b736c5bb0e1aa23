import { epochSeconds, systemClock } from '../../../base/time/clock.js'
import { NETWORKS_FILE } from '../../../policy/rules/model/folder.js'
import { isSeq, parseDocument } from '../../../policy/yaml/library.js'
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
  const anchors = trustAnchorsOf(bundle).map(anchor => `trust anchor ${escapeControls(anchor)}`)
  printBundle(path, bundle, json, io, [...anchors, ...files])
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
export function jsonOf(bundle: Bundle): object {
  const { manifest, signers, content } = bundle
  return {
    ...manifest,
    created: showInstant(manifest.created, 'UTC'),
    expires: showInstant(manifest.expires, 'UTC'),
    signers,
    trustAnchors: trustAnchorsOf(bundle),
    files: [...content].map(([name, { length }]) => ({ name, octets: length }))
  }
}

/** `dnssec.trust-anchors` of the rules, as written, even if the rules have errors elsewhere. */
function trustAnchorsOf({ content }: Bundle): string[] {
  const text = Buffer.from(content.get(NETWORKS_FILE) ?? []).toString()
  // To parse 100,000 networks takes seconds.
  if (!text.includes('trust-anchors')) return []
  const anchors = parseDocument(text).getIn(['dnssec', 'trust-anchors'])
  const values: unknown = isSeq(anchors) ? anchors.toJSON() : []
  return (values as unknown[]).map(String)
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
