import t from 'tap'
import { readCatalogue } from '../../src/policy/rules/apps/catalogue.js'
import { BYPASS_METHODS } from '../../src/analysis/report/questions/bypass-lookups.js'
import { showPattern } from '../../src/policy/rules/model/pattern.js'

const catalogue = await readCatalogue('rules')
if (!catalogue.ok) throw new Error(catalogue.errors.map(({ message }) => message).join('\n'))
const { apps, sources } = catalogue
/** The day on which the names were gathered. */
const GATHERED = '2026-11-25'

interface Fact {
  readonly name: string
  readonly role?: string | undefined
  readonly confidence?: string | undefined
  readonly firstSeen?: string | undefined
  readonly evidence: readonly string[]
}

const names = apps.flatMap(({ entry }) =>
  entry.names.map((it): Fact => {
    const { role, confidence, evidence = [], 'first-seen': firstSeen } = 'role' in it ? it : {}
    return { name: `${entry.app} ${showPattern(it.name)}`, role, confidence, firstSeen, evidence }
  })
)
/** The names of which something is not so. */
const lacking = (isSo: (fact: Fact) => boolean): string[] =>
  names.filter(fact => !isSo(fact)).map(({ name }) => name)

t.test('every shipped name has a role, evidence and a date', async t => {
  t.ok(names.length > 2100)
  const isKnown = ({ role, confidence, firstSeen, evidence }: Fact): boolean =>
    [role, confidence, firstSeen, evidence[0]].every(fact => fact !== undefined)
  t.strictSame(lacking(isKnown), [])
})

t.test('every tag of evidence is explained, and every explanation is used', async t => {
  const used = new Set(names.flatMap(({ evidence }) => evidence))
  t.strictSame([...used].sort(), Object.keys(sources).sort())
})

t.test('high and medium confidence need two families, a standard or the vendor', async t => {
  const isSure = ({ confidence, evidence }: Fact): boolean => {
    const families = new Set(evidence.map(tag => sources[tag]?.family))
    const speaksAlone = families.has('ietf') || families.has('vendor')
    return confidence === 'low' || families.size >= 2 || speaksAlone
  }
  t.strictSame(lacking(isSure), [])
})

t.test(
  'a name is first seen at the earliest day of its evidence, or when it was gathered',
  async t => {
    const isFirst = ({ firstSeen, evidence }: Fact): boolean => {
      const days = evidence.flatMap(tag => sources[tag]?.date ?? [])
      return firstSeen === (days.sort()[0] ?? GATHERED)
    }
    t.strictSame(lacking(isFirst), [])
  }
)

t.test('reports explain every way to bypass the resolver', async t => {
  const ways = apps.filter(({ entry }) => entry.kind === 'bypass').map(({ entry }) => entry.app)
  t.strictSame(ways.sort(), Object.keys(BYPASS_METHODS).sort())
})
