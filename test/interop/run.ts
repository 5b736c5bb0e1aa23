/**
 * `npm run test:interop [-- NAME...]`: runs all interoperability tests, or those named, in processes of
 * their own. Those that load the machine run first, one by one; of the others, which mostly wait, several
 * run at a time. The names `alone` and `together` stand for either kind.
 */
import { readdirSync, readFileSync } from 'node:fs'
import t from 'tap'

/** With both cores for themselves: they load a gateway, and tell how long reloads take, or what is lost. */
const ALONE = ['interop', 'hand-over']
/** They take a minute each, and start before the others. */
const LONGEST = ['fleet', 'two-hubs', 'rpz']
/** Needs files of public scenarios, which this repository does not have. */
const BY_ITSELF = ['rpl', 'rpl-validation']
const SELF = 'run'
const JOBS = 3
/** In milliseconds, packages included. */
const TIMEOUT = 600_000

const folder = 'dist/test/interop'
/** The other modules are parts of tests. */
const isTest = (file: string): boolean =>
  /^import t\b.* from ['"]tap['"]/m.test(readFileSync(`${folder}/${file}`, 'utf8'))
const known = readdirSync(folder)
  .filter(file => file.endsWith('.js') && isTest(file))
  .map(file => file.slice(0, -'.js'.length))
  .filter(name => name !== SELF && !BY_ITSELF.includes(name))
const kinds: Readonly<Record<string, readonly string[]>> = {
  alone: ALONE,
  together: [...LONGEST, ...known.filter(name => ![...ALONE, ...LONGEST].includes(name))]
}
const named = process.argv.slice(2).flatMap(name => kinds[name] ?? [name])
const unknown = named.filter(name => !known.includes(name))
if (unknown.length > 0)
  throw new Error(`no test ${unknown.join(', ')}; there are ${known.join(', ')}`)
const chosen = named.length === 0 ? Object.values(kinds).flat() : named

t.setTimeout(0)
for (const name of ALONE.filter(name => chosen.includes(name))) await run(name)
t.jobs = JOBS
await Promise.all(chosen.filter(name => !ALONE.includes(name)).map(run))

function run(name: string): Promise<unknown> {
  return t.spawn('env', ['-u', 'NODE_OPTIONS', process.execPath, `${folder}/${name}.js`], {
    ...{ name, buffered: true, at: null, stack: '', timeout: TIMEOUT },
    env: { ...process.env, TAP_TIMEOUT: String(TIMEOUT / 1000) }
  })
}
