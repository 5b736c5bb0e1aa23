import t from 'tap'
import { schemaKeys } from '../config/schema-strings.js'
import { tableAfter } from './markdown.js'

const PAGE = 'docs/operations/sizing.md'
const HEADING = '### Counted by workers, or for the gateway'

/** Numbers and sizes that limit nothing at run time that workers could count. */
const OTHERS = [
  /^workers$/,
  /\.(port|option-code|ipv4-prefix|ipv6-prefix|signatures)$/,
  // How long logs are kept.
  /^log\.queries\.keep\.(days|networks\.\*)$/
]

const isSize = (key: string): boolean => /(^|[.-])(size|rate|space|burst)$/.test(key)

t.test('each limit of the settings says whether workers count it by themselves', async t => {
  const listed = tableAfter(PAGE, HEADING).flatMap(([cell]) =>
    [...cell!.matchAll(/`([^`]+)`/g)].map(match => match[1]!)
  )
  const named = (key: string): string => key.replaceAll('[]', '')
  const numbers = schemaKeys(['integer', 'number'])
  const sizes = schemaKeys(['string']).filter(isSize)
  const limits = [...numbers, ...sizes].filter(key => !OTHERS.some(one => one.test(key))).map(named)
  t.ok(numbers.length > 10 && sizes.length > 5)
  t.strictSame(listed.toSorted(), [...new Set(limits)].sort())
})
