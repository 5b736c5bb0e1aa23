import { MS_PER_SECOND } from '../../../base/units.js'
import { csvLines } from '../../../analysis/report/output/csv.js'
import { lastDayBefore, showInstant } from '../../../base/time/instant.js'
import type { BansList, ListedBan, ListedException } from '../../../analysis/views/bans-list.js'

type Row = ListedBan | ListedException

/** Columns with the text of a rule in each; several texts are joined by `; `. */
const COLUMNS: Readonly<Record<string, (row: Row, zone: string) => string | null | undefined>> = {
  kind: row => ('purpose' in row ? 'exception' : 'ban'),
  id: row => row.id,
  state: row => row.state,
  what: row => row.sources.map(({ title }) => title).join('; '),
  apps: row => idsOf(row, 'app'),
  lists: row => idsOf(row, 'list'),
  networks: row => row.networks.join('; '),
  lacking: row => ('lacking' in row ? row.lacking.join('; ') : ''),
  prefixes: row => ('prefixes' in row ? row.prefixes.join('; ') : ''),
  mode: row => ('mode' in row ? row.mode : ''),
  action: row => ('action' in row ? row.action : ''),
  from: (row, zone) => local(row.from, zone),
  until: (row, zone) => local(row.until, zone),
  'last-day': (row, zone) =>
    row.until === null ? '' : lastDayBefore(Date.parse(row.until) / MS_PER_SECOND, zone),
  review: (row, zone) => ('review' in row ? local(row.review, zone) : ''),
  schedule: row => row.schedule,
  authority: row => ('authority' in row ? row.authority : ''),
  reference: row => row.reference,
  'reference-url': row => row.referenceUrl,
  'legal-basis': row => ('legalBasis' in row ? row.legalBasis : ''),
  owner: row => ('owner' in row ? row.owner : ''),
  purpose: row => ('purpose' in row ? row.purpose : ''),
  'approved-by': row => ('approvedBy' in row ? row.approvedBy : ''),
  rule: row => row.rule
}

/** CSV (RFC 4180) with a header. Times have the offset of the rules' time zone. */
export function toCsv({ bans, exceptions }: BansList, zone: string): string {
  const rows = [...bans, ...exceptions].map(row =>
    Object.values(COLUMNS).map(read => read(row, zone) ?? '')
  )
  return csvLines([Object.keys(COLUMNS), ...rows])
}

function idsOf({ sources }: Row, kind: string): string {
  const ids = sources.filter(source => source.kind === kind).map(({ id }) => id)
  return ids.join('; ')
}

function local(instant: string | null, zone: string): string {
  return instant === null ? '' : showInstant(Date.parse(instant) / MS_PER_SECOND, zone)
}
