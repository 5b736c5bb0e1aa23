/** Days of which the centre of a fleet has no log. */
import t from 'tap'
import { dayRanges, unloggedDays, withoutLog } from '../../src/analysis/evidence/unlogged-days.js'
import type { Segment } from '../../src/analysis/evidence/rule-segments.js'

const at = (text: string): number => Date.parse(`2026-11-${text}Z`)
const period = { since: at('10T12:00'), until: at('14T00:00') }
const days = (...numbers: number[]): string[] => numbers.map(one => `2026-11-${one}`)

t.test('days without lookups, but for those that the chain shows to be quiet', t => {
  const logged = new Set(days(10, 12))
  t.strictSame(unloggedDays(period, logged, undefined), days(11, 13))
  const chained = (from: number, to: number) => ({ from: days(from)[0]!, to: days(to)[0]! })
  t.strictSame(unloggedDays(period, logged, chained(10, 12)), days(13))
  t.strictSame(unloggedDays(period, logged, chained(12, 15)), days(11), 'it began later')
  t.strictSame(unloggedDays({ since: period.since, until: period.since }, logged, undefined), [])
  t.end()
})

t.test('what only the history has is not known without a log', t => {
  const version = { sha256: 'ab', serial: null }
  const times = (from: string, until: string) => ({
    ...{ gateway: 'gent', from: at(from), until: at(until) }
  })
  const logged: Segment = { kind: 'rules', version, ...times('10T12:00', '11T06:00') }
  const recorded: Segment = { ...logged, isRecorded: true, ...times('11T06:00', '14T00:00') }
  const restart: Segment = { kind: 'restart', ...times('10T00:00', '10T12:00') }
  t.strictSame(withoutLog([restart, logged, recorded], days(11, 12), 'no log'), [
    restart,
    logged,
    { kind: 'unknown', why: 'no log', ...times('11T06:00', '13T00:00') },
    { ...recorded, ...times('13T00:00', '14T00:00') }
  ])
  const unknown: Segment = {
    kind: 'unknown',
    why: 'no later lookup',
    ...times('10T00:00', '12T00:00')
  }
  t.strictSame(withoutLog([unknown], days(11), 'no log'), [
    { ...unknown, until: at('11T00:00') },
    { ...unknown, why: 'no log', from: at('11T00:00') }
  ])
  t.strictSame(withoutLog([recorded], [], ''), [recorded])
  t.end()
})

t.test('days in words', t => {
  t.equal(dayRanges(days(10, 11, 12, 14), 20), '2026-11-10 to 2026-11-12, 2026-11-14')
  t.equal(dayRanges(days(10, 12, 14, 15), 1), '2026-11-10 and 3 more days')
  t.equal(dayRanges([], 1), '')
  t.end()
})
