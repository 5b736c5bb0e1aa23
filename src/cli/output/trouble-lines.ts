import type { SerializedError } from '../../daemon/threads/serialized-error.js'
import type { Painted } from './layout.js'
import { number } from './show.js'

/** The first errors of some, and how many more there are. */
export function troubleLines(some: {
  readonly errors: number
  readonly first: readonly SerializedError[]
}): Painted[] {
  const more = some.errors - some.first.length
  return [
    ...some.first.map(({ code, message }): Painted => `${message} (${code})`),
    ...(more > 0 ? [`and ${number(more)} more: see the service log`] : [])
  ]
}
