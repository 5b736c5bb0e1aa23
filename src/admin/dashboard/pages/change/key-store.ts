import { signal } from '@preact/signals'
import {
  createSigningKey,
  importSigningKey,
  signingSupport,
  type SigningKey
} from '../../../web/signing/signing-key.js'

const DATABASE = 'interdict'
const STORE = 'keys'
const NAME = 'signing'

/** The signing key of this browser; undefined: not known yet. */
export const signingKey = signal<SigningKey | 'none' | 'insecure' | 'unsupported' | undefined>(
  undefined
)

const done = <Result>(request: IDBRequest<Result>): Promise<Result> =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error!)
  })

async function store(mode: IDBTransactionMode): Promise<IDBObjectStore> {
  const opening = indexedDB.open(DATABASE, 1)
  opening.onupgradeneeded = () => opening.result.createObjectStore(STORE)
  return (await done(opening)).transaction(STORE, mode).objectStore(STORE)
}

/** Reads the key, once. Storage that is switched off has none. */
export async function readSigningKey(): Promise<void> {
  if (signingKey.value !== undefined) return
  const support = await signingSupport(isSecureContext)
  if (support !== 'possible') {
    signingKey.value = support
    return
  }
  try {
    const found = (await done((await store('readonly')).get(NAME))) as SigningKey | undefined
    signingKey.value = found ?? 'none'
  } catch {
    signingKey.value = 'none'
  }
}

async function keep(key: SigningKey): Promise<void> {
  await done((await store('readwrite')).put(key, NAME))
  signingKey.value = key
}

export const createKey = async (): Promise<void> => keep(await createSigningKey())

/** @throws KeyFileError */
export const importKey = async (file: File): Promise<void> =>
  keep(await importSigningKey(await file.text()))

export async function removeKey(): Promise<void> {
  await done((await store('readwrite')).delete(NAME))
  signingKey.value = 'none'
}
