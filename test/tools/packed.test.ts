import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { Script } from 'node:vm'
import t, { type Test } from 'tap'
import { LAZY } from '../../tools/packed/lazy-builtins.js'
import { codeCachePath, load } from '../../tools/packed/load.js'

const SERVE = 'dist/bundle/serve'
const wrap = (text: string): string =>
  `(function (exports, require, module, __filename, __dirname) {${text}\n})`

t.test('V8 takes the code that is shipped of what a start runs', async t => {
  for (const name of ['serve', 'compiler-main', 'worker-main', 'recorder-main']) {
    const file = readdirSync(SERVE).find(one => one.startsWith(`${name}-`) && one.endsWith('.js'))!
    const path = resolve(SERVE, file)
    const text = readFileSync(path, 'latin1')
    t.notMatch(text, /[^\0-\x7f]/, `${name} is ASCII`)
    const cachedData = readFileSync(codeCachePath(path))
    const script = new Script(wrap(text), { filename: path, cachedData })
    t.equal(script.cachedDataRejected, false, name)
  }
})

const { version: shipped } = JSON.parse(readFileSync('tools/package/node.json', 'utf8')) as {
  version: string
}
const [major, minor] = process.versions.node.split('.').map(Number)
const [shippedMajor, shippedMinor] = shipped.split('.').map(Number)
const isShipped = major === shippedMajor && minor! <= shippedMinor!

t.test(
  'modules of Node that are loaded on first use have all exports of the Node in packages',
  { skip: !isShipped && `needs Node ${shipped}` },
  async t => {
    for (const [module, names] of Object.entries(LAZY)) {
      const own = Object.keys((await import(`node:${module}`)) as object)
      t.strictSame(
        own.filter(name => name !== 'default' && !names.includes(name)),
        [],
        module
      )
    }
  }
)

const TEXT = `exports.sum = (a, b) => a + b; exports.place = [__filename, __dirname, typeof require]`

interface Exports {
  readonly sum: (a: number, b: number) => number
  readonly place: readonly string[]
}

/** A packed file, with this beside it as its code. */
function packed(t: Test, code: Buffer | undefined): string {
  const path = join(t.testdir(), 'packed.cjs')
  writeFileSync(path, TEXT)
  if (code !== undefined) writeFileSync(codeCachePath(path), code)
  return path
}

const good = new Script(wrap(TEXT)).createCachedData()
const flipped = Buffer.from(good)
flipped[4]! ^= 0xff // V8's own version

const codes = [
  { it: 'none', code: undefined },
  { it: 'good', code: good },
  { it: 'of another version of V8', code: flipped },
  { it: 'empty', code: Buffer.alloc(0) },
  { it: 'cut short', code: good.subarray(0, good.length / 2) },
  { it: 'of another text', code: new Script(wrap('exports.sum = 1')).createCachedData() }
]

for (const { it, code } of codes) {
  t.test(`a packed file does what it says, whatever code is beside it: ${it}`, async t => {
    const path = packed(t, code)
    process.setSourceMapsEnabled(false)
    t.teardown(() => process.setSourceMapsEnabled(true))
    const { sum, place } = load(path) as Exports
    t.equal(sum(1, 2), 3)
    t.strictSame(place, [path, resolve(path, '..'), 'function'])
  })
}

t.test('where positions are mapped to sources, Node loads a packed file', async t => {
  const path = packed(t, good)
  process.setSourceMapsEnabled(true)
  t.equal((load(path) as Exports).sum(1, 2), 3)
})
