import { t } from './state.js'

/**
 * What different clients of the log are called: only where all are in full are they devices.
 *
 * @param privacy how some of them are written, as the API has it; undefined: not known yet
 */
export function clientsLabel(privacy: readonly string[] = []): string {
  const [isPrefix, isPseudonym] = [privacy.includes('prefix'), privacy.includes('pseudonym')]
  if (isPrefix && isPseudonym) return t('clients.both')
  return t(isPrefix ? 'clients.prefix' : isPseudonym ? 'clients.pseudonym' : 'explore.clients')
}
