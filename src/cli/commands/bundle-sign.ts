import { writeFile } from 'node:fs/promises'
import { generateKeys } from '../../base/ed25519.js'
import { failure } from '../../base/error.js'
import { decodeBundle, readBundleFile, writeBundle } from '../../sources/bundle/bundle.js'
import { readPrivateKey, withSignature } from '../../sources/bundle/signatures.js'
import { EXIT } from '../exit.js'
import { print, type Io } from '../io.js'
import { manifestLines } from './bundle-show.js'

/** Readable by the owner alone. */
const KEY_MODE = 0o600

/** `interdict bundle sign`: adds a signature to an intact bundle. */
export async function sign(
  path: string,
  { key }: { readonly key: string },
  io: Io
): Promise<number> {
  const file = await readBundleFile(path, path)
  const signed = withSignature(file, path, await readPrivateKey(key))
  const bundle = await decodeBundle(signed, path)
  writeBundle(path, signed)
  print(io, `${[path, ...manifestLines(bundle)].join('\n')}\n`)
  return EXIT.success
}

/** `interdict bundle keygen`: never overwrites a file, which may be a key in use. */
export async function keygen(path: string, io: Io): Promise<number> {
  const { privatePem, publicKey } = generateKeys()
  try {
    await writeFile(path, privatePem, { mode: KEY_MODE, flag: 'wx' })
  } catch (error) {
    throw failure('BUNDLE_WRITE', path, error instanceof Error ? error.message : String(error))
  }
  print(io, `${publicKey}\n`)
  return EXIT.success
}
