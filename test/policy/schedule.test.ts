import fc from 'fast-check'
import t from 'tap'
import { explainName } from '../../src/policy/explain/explain.js'
import { isActive, unchangedUntil, buildTimetable } from '../../src/policy/tables/timetable.js'
import { allClaims } from '../../src/policy/tables/claim-table.js'
import type { Schedule } from '../../src/policy/rules/model/types.js'
import { scheduleSchema } from '../../src/policy/rules/schema/schedule-schema.js'
import { scheduleOf } from '../../src/policy/rules/time/schedule.js'
import { runs } from '../runs.js'
import { evaluate, evaluateAddress, hashed, policyOf } from './evaluating.js'
import { ban, block, exception, network, ruleSet, source } from './rule-set.js'

const BRUSSELS = 'Europe/Brussels'
const CLIENT = '10.1.1.1'
const seconds = (text: string): number => Date.parse(text) / 1000
const schedule = (entry: unknown, zone = BRUSSELS): Schedule =>
  scheduleOf(scheduleSchema.parse(entry), zone)

const x = source('x', 'x.example', '192.0.2.0/24')
const during = (entry: unknown, zone?: string) =>
  policyOf(
    ruleSet(network('n', ['10.0.0.0/8'], [ban('b', [x], { schedule: schedule(entry, zone) })]))
  )

/** Instants (UTC), each with whether the rule is active. */
const switching: readonly {
  readonly it: string
  readonly entry: unknown
  readonly zone?: string
  readonly at: readonly (readonly [instant: string, inForce: boolean])[]
}[] = [
  {
    it: 'working hours in winter and in summer, to the second',
    entry: { days: 'mon-fri', hours: '08:00-17:00' },
    at: [
      ['2026-01-05T06:59:59Z', false],
      ['2026-01-05T07:00:00Z', true],
      ['2026-01-05T15:59:59Z', true],
      ['2026-01-05T16:00:00Z', false],
      ['2026-07-06T05:59:59Z', false],
      ['2026-07-06T06:00:00Z', true],
      ['2026-07-06T14:59:59Z', true],
      ['2026-07-06T15:00:00Z', false],
      ['2026-07-05T10:00:00Z', false]
    ]
  },
  {
    it: 'the night when clocks are set forward from 02:00 to 03:00',
    entry: { hours: '01:30-02:30' },
    at: [
      ['2026-03-29T00:29:59Z', false],
      ['2026-03-29T00:30:00Z', true],
      ['2026-03-29T00:59:59Z', true],
      ['2026-03-29T01:00:00Z', false]
    ]
  },
  {
    it: 'hours that are skipped in that night',
    entry: { hours: '02:15-02:45' },
    at: [
      ['2026-03-28T01:30:00Z', true],
      ['2026-03-29T00:30:00Z', false],
      ['2026-03-29T01:30:00Z', false],
      ['2026-03-30T00:30:00Z', true]
    ]
  },
  {
    it: 'hours that occur twice in the night when clocks are set back from 03:00 to 02:00',
    entry: { hours: '02:00-02:30' },
    at: [
      ['2026-10-24T23:59:59Z', false],
      ['2026-10-25T00:00:00Z', true],
      ['2026-10-25T00:29:59Z', true],
      ['2026-10-25T00:30:00Z', false],
      ['2026-10-25T00:59:59Z', false],
      ['2026-10-25T01:00:00Z', true],
      ['2026-10-25T01:29:59Z', true],
      ['2026-10-25T01:30:00Z', false]
    ]
  },
  {
    it: 'hours across midnight, by the day on which they begin',
    entry: { days: 'fri', hours: '22:00-06:00' },
    at: [
      ['2026-01-08T22:00:00Z', false],
      ['2026-01-09T20:59:59Z', false],
      ['2026-01-09T21:00:00Z', true],
      ['2026-01-09T23:00:00Z', true],
      ['2026-01-10T04:59:59Z', true],
      ['2026-01-10T05:00:00Z', false],
      ['2026-01-10T21:00:00Z', false]
    ]
  },
  {
    it: 'the week that ends at midnight from Sunday to Monday',
    entry: { days: 'sun-mon' },
    at: [
      ['2026-01-10T22:59:59Z', false],
      ['2026-01-10T23:00:00Z', true],
      ['2026-01-11T23:00:00Z', true],
      ['2026-01-12T22:59:59Z', true],
      ['2026-01-12T23:00:00Z', false]
    ]
  },
  {
    it: 'a leap day, a Tuesday',
    entry: { days: 'tue', hours: '00:00-24:00' },
    at: [
      ['2028-02-28T22:59:59Z', false],
      ['2028-02-28T23:00:00Z', true],
      ['2028-02-29T22:59:59Z', true],
      ['2028-02-29T23:00:00Z', false]
    ]
  },
  {
    it: 'years ahead, by the current time zone rules',
    entry: { days: 'mon', hours: '08:00-09:00' },
    at: [
      ['2061-07-04T05:59:59Z', false],
      ['2061-07-04T06:00:00Z', true],
      ['2061-12-05T06:59:59Z', false],
      ['2061-12-05T07:00:00Z', true]
    ]
  },
  {
    it: 'a day that a time zone skipped',
    entry: { days: 'fri' },
    zone: 'Pacific/Apia',
    at: [
      ['2011-12-30T09:59:59Z', false],
      ['2011-12-30T10:00:00Z', false],
      ['2012-01-05T09:59:59Z', false],
      ['2012-01-05T10:00:00Z', true]
    ]
  }
]

for (const { it, entry, zone, at } of switching) {
  t.test(`keeps ${it}`, async t => {
    const policy = during(entry, zone)
    const results = at.map(([instant]) =>
      evaluate(policy, 'www.x.example', CLIENT, seconds(instant))
    )
    t.strictSame(
      results.map(({ decides }) => decides === 'b'),
      at.map(([, inForce]) => inForce)
    )
    const addressed = at.map(([instant]) =>
      evaluateAddress(policy, '192.0.2.1', CLIENT, seconds(instant))
    )
    t.strictSame(results, addressed, 'for addresses as well')
  })
}

t.test('a rule with hours is inactive outside its term', async t => {
  const term = { from: seconds('2026-01-07T00:00:00Z'), until: seconds('2026-01-09T00:00:00Z') }
  const rule = ban('b', [x], { ...term, schedule: schedule({ hours: '12:00-13:00' }, 'UTC') })
  const policy = policyOf(ruleSet(network('n', ['10.0.0.0/8'], [rule])))
  const days = ['06', '07', '08', '09'].map(day => seconds(`2026-01-${day}T12:30:00Z`))
  const decides = days.map(now => evaluate(policy, 'x.example', CLIENT, now).decides)
  t.strictSame(decides, ['', 'b', 'b', ''])
})

t.test('exceptions and blocks keep to hours', async t => {
  const hours = { schedule: schedule({ hours: '12:00-13:00' }, 'UTC') }
  const rules = [
    exception('e', [x], hours),
    ban('b', [x]),
    block('k', [source('y', 'y.example')], hours)
  ]
  const policy = policyOf(ruleSet(network('n', ['10.0.0.0/8'], rules)))
  const decidingRule = (name: string, at: string): string =>
    evaluate(policy, name, CLIENT, seconds(`2026-01-06T${at}Z`)).decides
  t.equal(decidingRule('x.example', '11:59:59'), 'b')
  t.equal(decidingRule('x.example', '12:00:00'), 'e')
  t.equal(decidingRule('y.example', '12:59:59'), 'k')
  t.equal(decidingRule('y.example', '13:00:00'), '')
})

t.test('the epoch changes at each start and end, also when the clock goes back', async t => {
  const policy = during({ hours: '12:00-13:00' }, 'UTC')
  const times = ['11:00:00', '11:59:59', '12:00:00', '12:59:59', '13:00:00', '23:59:59', '12:30:00']
  const epochs = times.map(time => policy.epochAt(seconds(`2026-01-06T${time}Z`)))
  const changes = epochs.slice(1).map((epoch, i) => epoch !== epochs[i])
  t.strictSame(changes, [false, true, false, true, false, true])
})

t.test('explain reports that a rule is outside its hours', async t => {
  const { snapshot } = during({ hours: '12:00-13:00' }, 'UTC')
  const clientClass = snapshot.clients.networkOf.indexOf(0)
  const outcomes = ['11:59:59', '12:00:00'].map(time => {
    const question = { clientClass, qtype: 1, now: seconds(`2026-01-06T${time}Z`) }
    const candidates = explainName(snapshot, hashed('x.example', snapshot.names.seed), question)
    return candidates.map(({ outcome }) => outcome).join()
  })
  t.strictSame(outcomes, ['outside its hours', 'decides'])
})

t.test('claims with the same schedule share a timetable, also in a clone', async t => {
  const sources = [source('p', 'p.example'), source('q', 'q.example')]
  const rules = ['b', 'c'].map(id => ban(id, sources, { schedule: schedule({ days: 'mon' }) }))
  const { snapshot } = policyOf(ruleSet(network('n', ['10.0.0.0/8'], rules)))
  const cloned = allClaims(structuredClone(snapshot)).all
  t.equal(cloned.length, 4)
  t.equal(new Set(cloned.map(({ timetable }) => timetable)).size, 1)
})

const DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const
const ZONES = ['UTC', BRUSSELS, 'America/St_Johns', 'Australia/Lord_Howe', 'Africa/Casablanca']

interface Hours {
  readonly from: number
  readonly until: number
}
interface Part {
  readonly days: readonly string[]
  readonly hours: readonly Hours[]
  readonly zone: string
}

const clock = (minutes: number): string =>
  [Math.floor(minutes / 60), minutes % 60].map(part => String(part).padStart(2, '0')).join(':')

const somePart: fc.Arbitrary<Part> = fc.record({
  days: fc.subarray([...DAYS], { minLength: 1 }),
  hours: fc.array(
    fc
      .record({ from: fc.nat(1439), until: fc.integer({ min: 0, max: 1440 }) })
      .filter(({ from, until }) => from !== until),
    { minLength: 1, maxLength: 3 }
  ),
  zone: fc.constantFrom(...ZONES)
})

/** Mostly near a clock change. */
const someInstant = fc.oneof(
  fc.integer({ min: seconds('2001-01-01'), max: seconds('2099-12-31') }),
  fc
    .tuple(
      fc.constantFrom(
        '2026-03-29T01:00Z',
        '2026-10-25T01:00Z',
        '2026-02-15T02:00Z',
        '2026-04-04T15:00Z'
      ),
      fc.integer({ min: -9000, max: 9000 })
    )
    .map(([change, more]) => seconds(change) + more)
)

const formatters = new Map<string, Intl.DateTimeFormat>()

/** Local time: day of the week and minutes of the day. */
function wall(instant: number, zone: string): { day: number; minute: number } {
  const format =
    formatters.get(zone) ??
    new Intl.DateTimeFormat('en-GB', {
      timeZone: zone,
      weekday: 'short',
      hour: '2-digit',
      minute: '2-digit',
      hourCycle: 'h23'
    })
  formatters.set(zone, format)
  const shown = Object.fromEntries(
    format.formatToParts(instant * 1000).map(({ type, value }) => [type, value])
  )
  return {
    day: DAYS.indexOf(shown.weekday!.toLowerCase() as 'mon'),
    minute: 60 * Number(shown.hour) + Number(shown.minute)
  }
}

/** Whether a schedule is active, by its definition, at a local time. */
function shows({ days, hours, zone }: Part, instant: number): boolean {
  const { day, minute } = wall(instant, zone)
  const isNamed = (number: number): boolean => days.includes(DAYS[(number + 7) % 7]!)
  return hours.some(({ from, until }) => {
    if (from < until) return isNamed(day) && from <= minute && minute < until
    return (isNamed(day) && from <= minute) || (isNamed(day - 1) && minute < until)
  })
}

const entryOf = ({ days, hours, zone }: Part): unknown => ({
  days,
  hours: hours.map(({ from, until }) => `${clock(from)}-${clock(until)}`),
  'time-zone': zone
})

t.test('a timetable agrees with a calendar', async () => {
  fc.assert(
    fc.property(fc.array(somePart, { minLength: 1, maxLength: 2 }), someInstant, (parts, now) => {
      const timetable = buildTimetable(schedule(parts.map(entryOf)))
      return isActive(timetable, now) === parts.some(part => shows(part, now))
    }),
    runs(2000)
  )
})

t.test('nothing changes before unchangedUntil', async () => {
  const someShare = fc.double({ min: 0, max: 1, noNaN: true })
  fc.assert(
    fc.property(somePart, someInstant, someShare, (part, now, share) => {
      const timetable = buildTimetable(schedule([entryOf(part)]))
      const end = unchangedUntil(timetable, now)
      const between = now + Math.floor((end - 1 - now) * share)
      return [between, end - 1].every(at => shows(part, at) === shows(part, now)) && end > now
    }),
    runs(2000)
  )
})

t.test('results do not depend on the times evaluated before', async () => {
  fc.assert(
    fc.property(somePart, fc.array(someInstant, { minLength: 2, maxLength: 8 }), (part, times) => {
      const policy = during([entryOf(part)])
      return times.every(
        now => (evaluate(policy, 'x.example', CLIENT, now).decides === 'b') === shows(part, now)
      )
    }),
    runs(300)
  )
})
