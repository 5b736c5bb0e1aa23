import type { Test } from 'tap'
import { loadOpenSsl } from '../../src/wire/tls/openssl/load-openssl.js'

/** Objects of OpenSSL that this thread has created since, and not freed. */
export interface OpenSslObjects {
  readonly contexts: ReadonlySet<number>
  readonly connections: ReadonlySet<number>
}

/** Keeps count of contexts and connections until the test ends. Empty where OpenSSL cannot be used directly. */
export function openSslObjects(t: Pick<Test, 'teardown'>): OpenSslObjects {
  const contexts = new Set<number>()
  const connections = new Set<number>()
  const openSsl = loadOpenSsl()
  if (typeof openSsl === 'string') return { contexts, connections }
  const { newContext, freeContext, newConnection, freeConnection } = openSsl
  const created = (all: Set<number>, pointer: number): number => {
    all.add(pointer)
    return pointer
  }
  const freed = (all: Set<number>, pointer: unknown): void => void all.delete(pointer as number)
  Object.assign(openSsl, {
    newContext: (...args) => created(contexts, newContext(...args)),
    newConnection: (...args) => created(connections, newConnection(...args)),
    freeContext(...args) {
      freed(contexts, args[0])
      return freeContext(...args)
    },
    freeConnection(...args) {
      freed(connections, args[0])
      return freeConnection(...args)
    }
  } satisfies Partial<typeof openSsl>)
  t.teardown(() =>
    Object.assign(openSsl, { newContext, freeContext, newConnection, freeConnection })
  )
  return { contexts, connections }
}
