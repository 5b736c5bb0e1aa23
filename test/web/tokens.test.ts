import t from 'tap'
import { SCHEMES, TOKENS } from '../../src/analysis/report/output/tokens.js'

/** Relative luminance of `#rrggbb`. WCAG 2.2, "relative luminance". */
function luminance(colour: string): number {
  const [r, g, b] = [1, 3, 5].map(at => {
    const part = Number.parseInt(colour.slice(at, at + 2), 16) / 255
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4
  })
  return 0.2126 * r! + 0.7152 * g! + 0.0722 * b!
}

function contrast(one: string, other: string): number {
  const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b)
  return (light! + 0.05) / (dark! + 0.05)
}

for (const [scheme, colours] of Object.entries(SCHEMES)) {
  t.test(`${scheme}: text and marks have enough contrast`, async t => {
    const check = (names: string, grounds: string, least: number): void => {
      for (const name of names.split(' ')) {
        for (const ground of grounds.split(' ')) {
          const found = contrast(colours[name]!, colours[ground]!)
          t.ok(found >= least, `${name} on ${ground}: ${found.toFixed(2)}, at least ${least}`)
        }
      }
    }
    check('ink faint accent bad warn good', 'page paper shade', 4.5)
    check('ink accent', 'tint', 4.5)
    check('on-accent', 'accent', 4.5)
    for (const state of ['good', 'warn', 'bad']) check(`ink ${state}`, `${state}-shade`, 4.5)
    check('blocked monitored allowed stale', 'paper', 4.5)
    check('answered other edge', 'paper', 3)
  })
}

t.test('both schemes define the same colours, and the sheet uses no other host', async t => {
  t.strictSame(Object.keys(SCHEMES.light), Object.keys(SCHEMES.dark))
  t.notMatch(TOKENS, /url\(|@import/)
  t.equal(TOKENS.split('{').length, TOKENS.split('}').length)
})
