import fc from 'fast-check'
import t from 'tap'
import {
  isTimeZone,
  lastDayBefore,
  readDayEnd,
  readInstant,
  showEnd,
  showInstant
} from '../../src/base/time/instant.js'
import { runs } from '../runs.js'

const BRUSSELS = 'Europe/Brussels'
const utc = (text: string): number => Date.parse(text) / 1000

const reads = [
  { it: 'a date in UTC', text: '2023-03-13', zone: 'UTC', is: '2023-03-13T00:00:00Z' },
  { it: 'a date in winter', text: '2023-03-13', zone: BRUSSELS, is: '2023-03-12T23:00:00Z' },
  { it: 'a date in summer', text: '2023-07-01', zone: BRUSSELS, is: '2023-06-30T22:00:00Z' },
  {
    it: 'the day clocks go forward',
    text: '2023-03-26',
    zone: BRUSSELS,
    is: '2023-03-25T23:00:00Z'
  },
  { it: 'the day after it', text: '2023-03-27', zone: BRUSSELS, is: '2023-03-26T22:00:00Z' },
  { it: 'the day clocks go back', text: '2023-10-29', zone: BRUSSELS, is: '2023-10-28T22:00:00Z' },
  { it: 'the day after that', text: '2023-10-30', zone: BRUSSELS, is: '2023-10-29T23:00:00Z' },
  { it: 'a time', text: '2023-03-13T08:30', zone: BRUSSELS, is: '2023-03-13T07:30:00Z' },
  {
    it: 'a time with seconds',
    text: '2023-03-13 08:30:15',
    zone: 'UTC',
    is: '2023-03-13T08:30:15Z'
  },
  { it: 'a time in UTC', text: '2023-03-13T08:30Z', zone: BRUSSELS, is: '2023-03-13T08:30:00Z' },
  {
    it: 'a time with an offset',
    text: '2023-03-13T08:30-05:30',
    zone: BRUSSELS,
    is: '2023-03-13T14:00:00Z'
  },
  {
    it: 'a local time that is skipped',
    text: '2023-03-26T02:30',
    zone: BRUSSELS,
    is: '2023-03-26T01:30:00Z'
  },
  {
    it: 'a local time that occurs twice',
    text: '2023-10-29T02:30',
    zone: BRUSSELS,
    is: '2023-10-29T00:30:00Z'
  },
  {
    it: 'a time before it',
    text: '2023-10-29T01:59:59',
    zone: BRUSSELS,
    is: '2023-10-28T23:59:59Z'
  },
  { it: 'a time after it', text: '2023-10-29T03:00', zone: BRUSSELS, is: '2023-10-29T02:00:00Z' },
  // There is no midnight on the day clocks go forward in Beirut: the day begins at one.
  {
    it: 'a day without midnight',
    text: '2022-03-27',
    zone: 'Asia/Beirut',
    is: '2022-03-26T22:00:00Z'
  },
  {
    it: 'a day in a zone of half hours',
    text: '2023-01-01',
    zone: 'Asia/Kolkata',
    is: '2022-12-31T18:30:00Z'
  },
  {
    it: 'a day that a zone skipped',
    text: '2011-12-31',
    zone: 'Pacific/Apia',
    is: '2011-12-30T10:00:00Z'
  },
  { it: 'a leap day', text: '2024-02-29', zone: 'UTC', is: '2024-02-29T00:00:00Z' }
] as const

for (const { it, text, zone, is } of reads) {
  t.test(`reads ${it}: ${text} in ${zone}`, async t => t.equal(readInstant(text, zone), utc(is)))
}

const refused = [
  ...[
    '',
    '2023',
    '2023-3-13',
    '13-03-2023',
    '2023-02-29',
    '2023-13-01',
    '2023-00-10',
    '2023-01-00'
  ],
  ...['2023-01-01T24:00', '2023-01-01T23:60', '2023-01-01T23:59:60', '2023-01-01T8:00'],
  ...['2023-01-01Z', '2023-01-01T00:00+1', '2023-01-01T00:00+24:00', '1969-12-31', 'tomorrow']
]

for (const text of refused) {
  t.test(`rejects ${JSON.stringify(text)}`, async t => t.equal(readInstant(text, 'UTC'), undefined))
}

const shown = [
  { text: '2024-03-20T00:00:00+01:00', zone: BRUSSELS },
  { text: '2024-07-01T00:00:00+02:00', zone: BRUSSELS },
  { text: '2024-07-01T09:05:07Z', zone: 'UTC' },
  { text: '2023-01-01T00:00:00+05:45', zone: 'Asia/Kathmandu' },
  { text: '2023-01-01T00:00:00-03:30', zone: 'America/St_Johns' }
] as const

for (const { text, zone } of shown) {
  t.test(`shows ${text} in ${zone}`, async t => t.equal(showInstant(utc(text), zone), text))
}

t.test('an instant survives formatting and parsing, in any zone', async t => {
  const zones = fc.constantFrom(BRUSSELS, 'UTC', 'Australia/Lord_Howe', 'America/St_Johns')
  const holds = (instant: number, zone: string): boolean =>
    readInstant(showInstant(instant, zone), 'Asia/Tokyo') === instant
  t.doesNotThrow(() =>
    fc.assert(fc.property(fc.integer({ min: 1e8, max: 3e9 }), zones, holds), runs(300))
  )
})

t.test('knows time zones', async t => {
  t.ok(isTimeZone('Europe/Brussels'))
  t.ok(isTimeZone('UTC'))
  t.notOk(isTimeZone('Europe/Bruxelles'))
  t.notOk(isTimeZone(''))
})

t.test('parses local times as the instants at which clocks show them', async t => {
  const zones = ['Europe/Brussels', 'America/New_York', 'Australia/Lord_Howe', 'Asia/Kathmandu']
  const instant = fc.date({
    min: new Date('2000-01-01'),
    max: new Date('2035-01-01'),
    noInvalidDate: true
  })
  const shows = (date: Date, zone: string): string =>
    date.toLocaleString('sv-SE', { timeZone: zone, hourCycle: 'h23' })
  const holds = (date: Date, zone: string): boolean => {
    const text = shows(date, zone)
    return shows(new Date(readInstant(text, zone)! * 1000), zone) === text
  }
  t.doesNotThrow(() => fc.assert(fc.property(instant, fc.constantFrom(...zones), holds), runs(300)))
})

t.test('the end of a day is the first second of the next', async t => {
  t.equal(readDayEnd('2026-12-31', 'UTC'), readInstant('2027-01-01', 'UTC'))
  t.equal(readDayEnd('2026-03-28', 'Europe/Brussels'), readInstant('2026-03-29', 'Europe/Brussels'))
  t.equal(readDayEnd('2028-02-28', 'UTC'), readInstant('2028-02-29', 'UTC'))
  for (const text of ['2026-02-30', '2026-12-31T08:00', '2026-12', ''])
    t.equal(readDayEnd(text, 'UTC'), undefined, text)
})

t.test('an end is shown by its last day, if it is a midnight', async t => {
  const end = readInstant('2027-01-01', 'Europe/Brussels')!
  t.equal(showEnd(end, 'Europe/Brussels'), 'last day 2026-12-31')
  t.equal(showEnd(end, 'UTC'), 'until 2026-12-31T23:00:00Z')
  t.equal(lastDayBefore(readInstant('2024-03-01', 'UTC')!, 'UTC'), '2024-02-29')
})
