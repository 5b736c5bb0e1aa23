import { MS_PER_SECOND, type Milliseconds, type Seconds } from '../../base/units.js'

/** Clients that prefer nothing get an answer within this time. */
const DEFAULT_WAIT: Seconds = 30
/** Longer waits are as long as this one. */
const MAX_WAIT: Seconds = 3_600

/** How a client wants the answer of a request that takes long. RFC 7240 §4.1, §4.3 */
export interface Prefer {
  /** Whether it takes a job instead of an answer that is not ready in time. */
  readonly async: boolean
  readonly wait: Milliseconds
  /** The value of Preference-Applied; '': the client prefers nothing that is known. */
  readonly applied: string
}

/** Parses the header; unknown and invalid preferences are ignored, and the first of two counts. RFC 7240 §2 */
export function readPrefer(header: string | readonly string[] = ''): Prefer {
  const preferences = new Map<string, string>()
  for (const part of String(header).split(',')) {
    const [token = ''] = part.split(';', 1)
    const [name = '', value = ''] = token.split('=', 2)
    const key = name.trim().toLowerCase()
    if (!preferences.has(key)) preferences.set(key, value.trim().replace(/^"(.*)"$/, '$1'))
  }
  const async = preferences.get('respond-async') === ''
  const text = preferences.get('wait') ?? ''
  const wait = /^\d{1,9}$/.test(text) ? Math.min(Number(text), MAX_WAIT) : undefined
  const applied = [async ? 'respond-async' : '', wait === undefined ? '' : `wait=${wait}`]
  return {
    async,
    wait: (wait ?? (async ? 0 : DEFAULT_WAIT)) * MS_PER_SECOND,
    applied: applied.filter(Boolean).join(', ')
  }
}
