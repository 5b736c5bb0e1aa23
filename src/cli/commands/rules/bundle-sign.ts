import { writeFile } from 'node:fs/promises'
import { generateKeys } from '../../../base/files/ed25519.js'
import { failure } from '../../../base/errors/error.js'
import { reasonOf } from '../../../base/errors/reason.js'
import { decodeBundle, readBundleFile, writeBundle } from '../../../sources/bundle/bundle.js'
import { readPrivateKey, withSignature } from '../../../sources/bundle/signatures.js'
import { EXIT } from '../../exit.js'
import { print, printJson, type Io } from '../../io.js'
import { printBundle } from './bundle-show.js'

/** Readable by the owner alone. */
const KEY_MODE = 0o600

/** `interdict bundle sign`: adds a signature to an intact bundle. */
export async function sign(
  path: string,
  { key, json }: { readonly key: string; readonly json?: boolean },
  io: Io
): Promise<number> {
  const file = await readBundleFile(path, path)
  const signed = withSignature(file, path, await readPrivateKey(key))
  const bundle = await decodeBundle(signed, path)
  writeBundle(path, signed)
  printBundle(path, bundle, json, io)
  return EXIT.success
}

/** `interdict bundle keygen`: never overwrites a file, which may be a key in use. */
export async function keygen(
  path: string,
  { json }: { readonly json?: boolean },
  io: Io
): Promise<number> {
  const { privatePem, publicKey } = generateKeys()
  try {
    await writeFile(path, privatePem, { mode: KEY_MODE, flag: 'wx' })
  } catch (error) {
    throw failure('BUNDLE_WRITE', path, reasonOf(error))
  }
  if (json === true) printJson(io, { file: path, publicKey })
  else print(io, `${publicKey}\n`)
  return EXIT.success
}
