import { MS_PER_SECOND, type Milliseconds } from '../../../base/units.js'
import { column, type Table } from '../../../analysis/report/report.js'
import { COVER, type NameSource, type RuleSet } from '../../../policy/rules/model/types.js'
import { showCanonical, showName } from '../../../wire/dns/name/name.js'
import { banSources } from './evidence-states.js'

/*
 * Names that updates of the catalogue added to a ban: before its date, nobody was told to block such a name. verify.py in the pack
 * has the same rules in Python.
 */

/** A name of an app, in the syntax of rules. Times are milliseconds since 1970. */
interface DatedName {
  readonly app: string
  readonly name: string
  /** Of the catalogue. */
  readonly serial: number
  readonly added: Milliseconds
  /** Until then it was only monitored. */
  readonly enforced: Milliseconds
}

/** Of each version that is at hand, by `versionKey`. Public: `catalogue.json`. */
export type CatalogueByVersion = ReadonlyMap<string, readonly DatedName[]>

export function datedNames(ban: string, rules: RuleSet): DatedName[] {
  return banSources(ban, rules).flatMap(namesOf)
}

function namesOf(source: NameSource): DatedName[] {
  const { id: app, added: dates } = source
  if (dates === undefined) return []
  const found: DatedName[] = []
  source.writeTo({
    name: (octets, at, length, cover, line) => {
      const date = dates.get(line)
      if (date === undefined) return
      const text = showCanonical(showName(octets.subarray(at, at + length)))
      const [added, enforced] = [date.added * MS_PER_SECOND, date.enforced * MS_PER_SECOND]
      found.push({ app, name: `${SIGN[cover] ?? ''}${text}`, serial: date.serial, added, enforced })
    },
    prefix: () => undefined
  })
  return found
}

/** As rules write it. */
const SIGN: Readonly<Record<number, string>> = { [COVER.exact]: '=', [COVER.below]: '*.' }

/** `catalogue.json` */
export const catalogueJson = (versions: CatalogueByVersion): string =>
  `${JSON.stringify({ v: 1, versions: Object.fromEntries(versions) }, undefined, 2)}\n`

export function catalogueTable(versions: CatalogueByVersion): Table {
  const all = [...versions.values()].flat()
  const distinct = new Map(all.map(one => [JSON.stringify(Object.values(one)), one]))
  const rows = [...distinct.values()].sort(
    (a, b) => a.added - b.added || compare(a.app, b.app) || compare(a.name, b.name)
  )
  return {
    id: 'catalogue-names',
    title: 'Names added by updates of the catalogue',
    description:
      'Names of the ban that came with an update of the catalogue, under the rules of the period: in which serial, when, and from when on they were blocked; until then they were only monitored.',
    emptyText: 'None.',
    columns: [
      ...[column('app', 'text'), column('name', 'text'), column('serial', 'count')],
      ...[column('added', 'time'), column('enforced', 'time')]
    ],
    rows: rows.map(({ app, name, serial, added, enforced }) => {
      return [app, name, serial, new Date(added), new Date(enforced)]
    })
  }
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
