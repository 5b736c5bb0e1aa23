/** First line of a bundle, and of what is signed: see docs/guides/bundles.md. */
const MAGIC = 'interdict-bundle 1\n'
const END = '\n\n'

/** A bundle file in parts, none of which is verified. */
export interface BundleParts {
  /** The signed line: JSON. */
  readonly manifest: string
  /** Lines of earlier signatures. */
  readonly signatures: readonly string[]
  /** The compressed content. */
  readonly packed: Uint8Array<ArrayBuffer>
}

/** Thrown for what is not a bundle, or not the one that was asked for. */
export class BundleFileError extends Error {}

export function bundleParts(file: Uint8Array<ArrayBuffer>): BundleParts {
  // The header is ASCII, so characters are octets.
  const head = new TextDecoder('latin1').decode(file.subarray(0, 16 * 1024))
  const end = head.indexOf(END, MAGIC.length)
  if (!head.startsWith(MAGIC) || end === -1) throw new BundleFileError('not a bundle')
  const [manifest = '', ...signatures] = head.slice(MAGIC.length, end).split('\n')
  return { manifest, signatures, packed: file.subarray(end + END.length) }
}

/** What a signature is made of. */
export const signedPart = ({ manifest }: BundleParts): Uint8Array<ArrayBuffer> =>
  encode(`${MAGIC}${manifest}\n`)

/** The file with these lines of signatures. */
export function bundleFile(
  { manifest, packed }: BundleParts,
  signatures: readonly string[]
): Uint8Array<ArrayBuffer> {
  const head = encode(`${MAGIC}${[manifest, ...signatures].join('\n')}${END}`)
  const file = new Uint8Array(head.length + packed.length)
  file.set(head)
  file.set(packed, head.length)
  return file
}

/** The files of a bundle by path, after their hash was compared with the manifest. */
export async function filesOf(
  parts: BundleParts
): Promise<ReadonlyMap<string, Uint8Array<ArrayBuffer>>> {
  const stream = new Blob([parts.packed]).stream().pipeThrough(new DecompressionStream('gzip'))
  const plain = new Uint8Array(await new Response(stream).arrayBuffer())
  const { sha256 } = JSON.parse(parts.manifest) as { readonly sha256: string }
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', plain))
  const found = [...digest].map(one => one.toString(16).padStart(2, '0')).join('')
  if (found !== sha256) throw new BundleFileError('its content does not match its hash')
  return decodeFiles(plain)
}

/** For each file its name, its length in decimal and its content; a zero octet ends the first two. */
function decodeFiles(plain: Uint8Array<ArrayBuffer>): Map<string, Uint8Array<ArrayBuffer>> {
  const files = new Map<string, Uint8Array<ArrayBuffer>>()
  let at = 0
  const field = (): string => {
    const end = plain.indexOf(0, at)
    if (end === -1) throw new BundleFileError('its content is malformed')
    const text = new TextDecoder().decode(plain.subarray(at, end))
    at = end + 1
    return text
  }
  while (at < plain.length) {
    const name = field()
    const length = Number(field())
    files.set(name, plain.subarray(at, at + length))
    at += length
  }
  return files
}

/** Whether a bundle has these texts, octet by octet. */
export async function hasTexts(
  file: Uint8Array<ArrayBuffer>,
  texts: Readonly<Record<string, string>>
): Promise<boolean> {
  const files = await filesOf(bundleParts(file))
  return Object.entries(texts).every(([path, text]) => {
    const [found, shown] = [files.get(path), encode(text)]
    return found?.length === shown.length && found.every((octet, at) => octet === shown[at])
  })
}

const encode = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text)
