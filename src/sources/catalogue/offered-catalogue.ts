import { failure } from '../../base/errors/error.js'
import type { Seconds } from '../../base/units.js'
import type { CatalogueInForce } from '../../policy/rules/apps/catalogue-in-force.js'
import type { AddedName } from '../../policy/rules/model/types.js'
import type { RuleSet } from '../../policy/rules/model/types.js'
import { COVER, type Cover } from '../../policy/rules/model/types.js'
import { showPattern } from '../../policy/rules/model/pattern.js'
import { decodeBundle } from '../bundle/bundle.js'
import type { TrustedKeys } from '../bundle/signatures.js'
import { checkSerial, checkValidity } from '../bundle/validity.js'
import {
  appsOf,
  namesOfEntry,
  readCatalogueContent,
  type CatalogueContent
} from './catalogue-content.js'
import type { CatalogueStore } from './catalogue-store.js'

/**
 * Verifies a catalogue bundle that is to be accepted: signatures, dates, serial and content.
 *
 * @param shown its name in messages
 * @throws InterdictError as `decodeBundle`, `checkValidity`, `checkSerial` and `readCatalogueContent`,
 *   CATALOGUE_OLDER, CATALOGUE_ALTERED
 */
export async function readOffered(
  octets: Uint8Array,
  shown: string,
  { trust, store, now }: { trust: TrustedKeys; store: CatalogueStore; now: Seconds }
): Promise<CatalogueContent> {
  const bundle = await decodeBundle(octets, shown, trust)
  const { manifest } = bundle
  checkValidity(manifest, shown, now)
  const { newest } = store.bundles.read() ?? {}
  checkSerial(manifest.serial, newest?.serial ?? 0, shown, now)
  if (newest !== undefined && manifest.serial < newest.serial)
    throw failure('CATALOGUE_OLDER', manifest.serial, newest.serial)
  if (manifest.serial === newest?.serial && manifest.sha256 !== newest.sha256)
    throw failure('CATALOGUE_ALTERED', manifest.serial)
  return readCatalogueContent(bundle, shown)
}

/** The names of each app under rules, whichever file they are from. */
export function namesInRules(rules: RuleSet): ReadonlyMap<string, ReadonlySet<string>> {
  const covers = Object.keys(COVER) as Cover[]
  const found = new Map<string, Set<string>>()
  for (const source of rules.sources) {
    if (source.kind !== 'app') continue
    const names = found.get(source.id) ?? new Set()
    found.set(source.id, names)
    source.writeTo({
      name: (octets, at, length, cover) =>
        void names.add(showPattern({ cover: covers[cover]!, name: octets.slice(at, at + length) })),
      prefix: () => undefined
    })
  }
  return found
}

/**
 * The catalogue as it comes in force: names that the rules do not have are new, and are enforced after a while.
 *
 * @param known the names of the rules in force, by app
 * @param monitored how long new names are only monitored
 */
export function toActivate(
  content: CatalogueContent,
  known: ReadonlyMap<string, ReadonlySet<string>>,
  before: Pick<CatalogueInForce, 'added' | 'copies'>,
  { now, monitored }: { readonly now: Seconds; readonly monitored: Seconds }
): CatalogueInForce {
  const { serial } = content
  const fresh: AddedName = { serial, added: now, enforced: now + monitored }
  const added: Record<string, Record<string, AddedName>> = {}
  for (const [id, entry] of appsOf(content)) {
    const dates: Record<string, AddedName> = {}
    for (const name of namesOfEntry(entry)) {
      const isKnown = known.get(id)?.has(name) === true
      const date = isKnown ? before.added[id]?.[name] : fresh
      if (date !== undefined) dates[name] = date
    }
    if (Object.keys(dates).length > 0) added[id] = dates
  }
  return { format: 1, ...content, copies: allCopies(before.copies, content.copies), added }
}

/** A copy of an earlier version has no effect either. */
function allCopies(
  before: CatalogueInForce['copies'],
  now: CatalogueInForce['copies']
): CatalogueInForce['copies'] {
  const ids = [...new Set([...Object.keys(before), ...Object.keys(now)])].sort()
  const copiesOf = (id: string): string[] => [...(before[id] ?? []), ...(now[id] ?? [])]
  return Object.fromEntries(ids.map(id => [id, [...new Set(copiesOf(id))].sort()]))
}

/** The catalogue as if all of its names were enforced already: what is tested before it is accepted. */
export function enforcedAtOnce(catalogue: CatalogueInForce): CatalogueInForce {
  const added = Object.fromEntries(
    Object.entries(catalogue.added).map(([app, names]) => [
      app,
      Object.fromEntries(
        Object.entries(names).map(([name, date]) => [name, { ...date, enforced: date.added }])
      )
    ])
  )
  return { ...catalogue, added }
}
