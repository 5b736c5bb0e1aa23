import t from 'tap'
import { daysLeft, Formatter, wholeSecond } from '../../src/admin/web/locale-format.js'

const NOW = Date.parse('2026-11-27T12:00:00Z')
const en = new Formatter('en', 'UTC')
const de = new Formatter('de', 'UTC')
/** Versions of ICU differ in the kind of space. */
const plain = (text: string): string => text.replaceAll(/\s/gu, ' ')

t.test('numbers as people of a language write them', async t => {
  t.strictSame([en.count(1234567), de.count(1234567)], ['1,234,567', '1.234.567'])
  t.strictSame(
    [0.04, 9.96, 1234.5, 12_345].map(one => en.compact(one)),
    [...['0', '10', '1,234.5', '12.3K']]
  )
  t.strictSame(
    [0.125, 0.0668, 0.00034, 0, 1, null].map(one => en.share(one)),
    ['12.5%', '6.7%', '0.034%', '0%', '100%', '–']
  )
  t.strictSame(
    [0.1834, 12.34, 123.4, null].map(one => en.milliseconds(one)),
    [...['0.18 ms', '12.3 ms', '123 ms', '–']]
  )
  t.strictSame(
    [12, 1_500_000, 3e15].map(one => plain(en.bytes(one))),
    [...['12 byte', '1.5 MB', '3,000 TB']]
  )
})

t.test('times', async t => {
  t.match(plain(en.dateTime(NOW)), /^27 Nov 2026, 12:00$/)
  t.equal(en.day('2026-11-27T12:00:00Z'), '27 Nov 2026')
  t.strictSame([en.isoDay(NOW), en.shortDay(NOW)], ['2026-11-27', '27 Nov'])
  const brussels = new Formatter('en', 'Europe/Brussels')
  t.equal(brussels.isoDay('2026-11-27T23:30:00Z'), '2026-11-28', 'days of the rules')
  t.strictSame([en.time(NOW), en.second(NOW + 9000)], ['12:00', '12:00:09'])
  t.strictSame(
    [-30_000, -3 * 60_000, 5 * 3_600_000, -86_400_000, 40 * 86_400_000, -800 * 86_400_000].map(
      one => en.ago(NOW + one, NOW)
    ),
    ['30 seconds ago', '3 minutes ago', 'in 5 hours', 'yesterday', 'next month', '2 years ago']
  )
  const evening = Date.parse('2026-11-27T22:00:00Z')
  t.equal(en.ago('2026-11-29T00:00:00Z', evening), 'in 2 days', 'by the calendar')
  t.strictSame(
    [0, 59, 61, 3_600, 90_061].map(one => plain(en.duration(one))),
    ['0 sec', '59 sec', '1 min 1 sec', '1 hr', '1 day 1 hr']
  )
  t.equal(plain(en.duration(90_061, 1)), '1 day')
  t.doesNotThrow(() => new Formatter('fr').day(NOW), 'in the time zone of the browser')
})

t.test('days left, counted up: what ends tonight has one', async t => {
  t.equal(daysLeft('2026-11-27T22:00:00Z', NOW), 1)
  t.equal(daysLeft('2026-12-04T12:00:00Z', NOW), 7)
  t.ok(daysLeft('2026-11-25T12:00:00Z', NOW) < 0)
})

t.test('times for the API have no fractions, which it does not take', async t => {
  t.equal(wholeSecond('2026-11-27T12:00:00.789Z'), '2026-11-27T12:00:00Z')
})
