import { readPrefix, type Prefix } from './address.js'

/** @returns undefined if the text is neither an address nor a prefix */
export function parsePrefix(text: string): Prefix | undefined {
  try {
    return readPrefix(text)
  } catch {
    return undefined
  }
}
