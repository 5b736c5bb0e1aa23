import { join } from 'node:path'

/**
 * Where the names of bans are kept. In a file of its own, so that the control thread does not load the code that
 * reads names.
 *
 * @param state the state folder
 */
export function bannedNamesFile(state: string): string {
  return join(state, 'banned-names.json')
}
