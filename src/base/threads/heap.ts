import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** Another thread may clear the flag before the context is made. */
const MAX_ATTEMPTS = 10

let gc: (() => void) | undefined

/**
 * Forces a full collection, which stops the thread for about 10 ms.
 *
 * A context created while --expose-gc is set has the function `gc`. All threads share the flag, and it must not stay
 * set: V8 accepts no code cache that was made with other flags, and threads would start more slowly.
 */
export function collectGarbage(): void {
  for (let attempt = 0; gc === undefined && attempt < MAX_ATTEMPTS; attempt++) {
    setFlagsFromString('--expose-gc')
    gc = runInNewContext('globalThis.gc') as (() => void) | undefined
    setFlagsFromString('--no-expose-gc')
  }
  gc?.()
}
