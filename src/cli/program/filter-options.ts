import type { Command } from 'commander'
import {
  DNSSEC_VERDICTS,
  FILTER_TEXTS,
  LOOKUP_FILTERS,
  TRANSPORTS,
  type LookupFilter
} from '../../lookups/sql/lookup-filters.js'
import { choice } from './context.js'

/** The values of `--verdict`. */
export const VERDICTS: readonly string[] = [
  ...['forwarded', 'cached', 'blocked', 'monitored', 'allowed', 'refused', 'failed', 'local'],
  ...['stale', 'probe', 'observed', 'all']
]

/** What is given to each. */
const VALUES: Readonly<Record<LookupFilter, string>> = {
  ...{ client: 'clients', device: 'names', network: 'ids', app: 'ids', list: 'ids', ban: 'ids' },
  ...{ verdict: 'words', dnssec: 'words', transport: 'words', name: 'patterns', type: 'type' }
}

/** Adds all filters for lookups. @param verdicts what is chosen without `--verdict` */
export function addFilterOptions(command: Command, verdicts: string): void {
  const words = {
    verdict: VERDICTS,
    dnssec: DNSSEC_VERDICTS as readonly string[],
    transport: TRANSPORTS as readonly string[]
  }
  for (const filter of LOOKUP_FILTERS) {
    const note = filter === 'verdict' ? ` (${verdicts})` : ''
    const text = `only these ${FILTER_TEXTS[filter]}${note}`
    const flags = `--${filter} <${VALUES[filter]}...>`
    if (filter in words) command.addOption(choice(flags, text, words[filter as 'verdict']))
    else command.option(flags, text)
  }
}
