import t from 'tap'
import { GeneratedHistory } from '../soak/generated-history.js'
import { interdict } from './run.js'

/** The whole: `npm run test:history`. */
const [RELOADS, MOMENTS] = [200, 60]

t.test("explain --at random moments agrees with the generator's own account", async t => {
  const history = new GeneratedHistory(t.testdir({}), undefined)
  await history.record(RELOADS)
  const seen = new Set<string>()
  for (let i = 0; i < MOMENTS; i++) {
    const { at, name, verdict, sha256 } = history.moment()
    seen.add(verdict)
    const words = ['--from', '10.1.2.3', '--at', at, '-c', history.settings, '--json']
    const { out } = await interdict('explain', name, ...words)
    t.match(JSON.parse(out), { verdict, rules: { sha256 } }, `${name} at ${at}`)
  }
  t.ok(seen.has('blocked') && seen.has('forwarded'), 'both occur')
})
