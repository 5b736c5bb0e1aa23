import type { Trouble } from '../../daemon/threads/messages.js'
import type { Painted } from './layout.js'
import { number } from './show.js'

/** The first errors of some, and how many more there are. */
export function troubleLines(some: {
  readonly errors: number
  readonly first: readonly Trouble[]
}): Painted[] {
  const more = some.errors - some.first.length
  return [
    ...some.first.map(({ code, message }): Painted => `${message} (${code})`),
    ...(more > 0 ? [`and ${number(more)} more: see the service log`] : [])
  ]
}
