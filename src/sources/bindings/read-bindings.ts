import { readAddress, showAddress } from '../../base/values/address.js'
import type { Binding } from '../../policy/bindings/binding.js'

/** What was read of a feed. */
export interface ReadBindings {
  readonly bindings: readonly Binding[]
  /** One for each line that is not a binding. */
  readonly errors: readonly string[]
}

/** An error at a line of a file. */
export const lineError = (line: number, what: string): string => `line ${line}: ${what}`

/** A binding of an address as text; undefined: it is not an address, or nothing tells whose device it is. */
export function bindingOf(text: string, facts: Omit<Binding, 'address'>): Binding | undefined {
  const { mac, duid, user, host } = facts
  if ([mac, duid, user, host].every(one => one === undefined)) return undefined
  const address = addressText(text)
  return address === undefined ? undefined : { address, ...facts }
}

/** An address as bindings have it; undefined: it is not an address. */
export function addressText(text: string): string | undefined {
  try {
    return showAddress(readAddress(text))
  } catch {
    return undefined
  }
}
