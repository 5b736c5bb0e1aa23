import t from 'tap'
import { dateHint } from '../../src/base/time/date-hint.js'
import { readInstant } from '../../src/base/time/instant.js'

const cases = [
  ['2027-02-30', '; the last day of February 2027 is 2027-02-28'],
  ['2028-02-30', '; the last day of February 2028 is 2028-02-29'],
  ['2027-04-31T08:00', '; the last day of April 2027 is 2027-04-30'],
  ['2027-13-05', '; there is no month 13: write 2027-05-13'],
  ['2027-13-40', '; there is no month 13'],
  ['2027-00-10', '; there is no month 0'],
  ['2027-01-00', '; days begin with 1: write 2027-01-01'],
  ['2027-6-3', '; write 2027-06-03'],
  ['2027-6-3T08:00Z', '; write 2027-06-03T08:00Z'],
  ['2027/06/03', '; write 2027-06-03'],
  ['2027.6.3', '; write 2027-06-03'],
  ['2027-12-31T24:00', '; write 2028-01-01T00:00'],
  ['30.06.2027', '; write 2027-06-30'],
  ['06/30/2027', '; write 2027-06-30'],
  ['3.6.2027', '; write 2027-06-03 or 2027-03-06'],
  ['6-6-2027', '; write 2027-06-06'],
  ['40.50.2027', ''],
  ['1969-01-01', '; the first year is 1970'],
  ['0206-01-01', '; the first year is 1970'],
  ['0206-1-1', '; the first year is 1970'],
  ['1.1.0206', ''],
  ['2027-6-3T25:00', ''],
  ['tomorrow', ''],
  ['2027-06-03T08.00', ''],
  ['', '']
] as const

for (const [text, hint] of cases) {
  t.test(`suggests ${hint === '' ? 'nothing' : hint.slice(2)} for '${text}'`, async t => {
    t.equal(readInstant(text, 'UTC'), undefined)
    t.equal(dateHint(text), hint)
    const [, written] = /write (\S+)/.exec(hint) ?? []
    if (written !== undefined) t.not(readInstant(written, 'UTC'), undefined, 'is accepted itself')
  })
}
