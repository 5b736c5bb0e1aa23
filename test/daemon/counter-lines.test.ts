import t from 'tap'
import { CounterLines } from '../../src/admin/metrics/counter-lines.js'

const text = (lines: CounterLines, values: Float64Array): string =>
  Buffer.concat(lines.write(values)).toString()

t.test('lines have the numbers of now, whatever was written before', t => {
  for (const withZeros of [false, true]) {
    // More than a chunk, not in order, with a name that is not ASCII.
    const positions = Array.from({ length: 150 }, (_, i) => 150 - i)
    const startOf = (position: number): string => `né{at="${position}"} `
    const lines = new CounterLines(positions, startOf, withZeros)
    const values = new Float64Array(151)
    const expected = (): string =>
      positions
        .filter(position => withZeros || values[position]! > 0)
        .map(position => `${startOf(position)}${values[position]}\n`)
        .join('')
    const steps = [0, 1, 8, 1, 9, 90, 1, 900, 2 ** 40, 0, 5]
    for (const [round, step] of steps.entries()) {
      for (let i = round; i < values.length; i += 1 + (round % 3)) values[i]! += step
      t.equal(text(lines, values), expected(), `round ${round}`)
    }
    values.fill(3)
    t.equal(text(lines, values), expected(), 'fewer than before')
  }
  t.end()
})

t.test('an unchanged chunk is not written again', t => {
  const lines = new CounterLines([0], () => 'a ', true)
  const values = Float64Array.of(7)
  const [before] = lines.write(values)
  t.equal(lines.write(values)[0], before)
  values[0] = 8
  t.equal(lines.write(values)[0], before, 'only its digits')
  t.equal(String(before), 'a 8\n')
  t.end()
})
