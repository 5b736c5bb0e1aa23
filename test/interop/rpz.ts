/**
 * The same response policy zone in Interdict, BIND and Unbound, in front of the same upstream, and
 * asked the same questions: the same comes of each, or it is known why not. Run by
 * `npm run test:interop`.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { install, PROGRAMS } from './install.js'
import { bindWith, bindWithPolicy, unboundWithPolicy } from './peers.js'
import { answers, folder, site, startInterdict } from './processes.js'
import { outcomes } from './rpz-asker.js'
import {
  dice,
  isBehindName,
  someQuestion,
  somePolicies,
  UPSTREAM,
  writeZone,
  type Policy,
  type Question
} from './rpz-zone.js'

install(PROGRAMS)
t.setTimeout(600_000)

const QUESTIONS = 10_000
const seed = Number(process.env.INTERDICT_SEED ?? 1)

/** Why something else may come of a question; docs/reference/rules.md has each of them. */
const REASONS: readonly { readonly why: string; readonly is: IsReason }[] = [
  {
    why: '*.name holds for all below, whatever other names of the zone are between',
    is: (policies, { name }) => isBehindName(policies, name)
  },
  {
    why: 'the policy of the name that an answer leads to is given for the name asked for',
    is: (_, { name }, _ours, theirs) =>
      name.endsWith('.w.example') && theirs === 'CNAME a.b.example'
  }
]

type IsReason = (
  policies: readonly Policy[],
  question: Question,
  ours: string,
  theirs: string
) => boolean

interface Server {
  readonly name: string
  readonly port: number
}

/** All three behind one upstream. */
async function servers(t: Test, zone: string): Promise<readonly Server[]> {
  const dir = folder(t)
  const write = (name: string, text: string): string => {
    writeFileSync(join(dir, name), text)
    return join(dir, name)
  }
  const own = write('example.zone', UPSTREAM)
  const upstream = await bindWith(t, { example: own, test: own })
  await answers('the upstream', upstream.port, 'probe.example', '198.51.100.1')
  const policy = { name: 'rpz.test', file: write('rpz.zone', zone), upstream: upstream.port }
  const bind = await bindWithPolicy(t, policy)
  const unbound = await unboundWithPolicy(t, policy)
  const at = await site(
    t,
    `listen: ['127.0.0.1:PORT']
workers: 1
rules: rules
upstreams: { servers: ['127.0.0.1:${upstream.port}'] }
log: { queries: { which: none } }
`,
    `networks: { all: { prefixes: [127.0.0.0/8], block: [{ lists: [zone] }] } }
lists: { zone: { file: zone.rpz } }
`
  )
  at.write('rules/zone.rpz', zone)
  await startInterdict(t, at)
  await answers('BIND', bind.port, 'probe.example', '198.51.100.1')
  await answers('unbound', unbound.port, 'probe.example', '198.51.100.1')
  return [
    { name: 'interdict', port: at.port },
    { name: 'BIND', port: bind.port },
    { name: 'unbound', port: unbound.port }
  ]
}

t.test(`${QUESTIONS} questions about a zone at random (INTERDICT_SEED=${seed})`, async t => {
  const roll = dice(seed)
  const policies = somePolicies(roll)
  const questions = Array.from({ length: QUESTIONS }, () => someQuestion(roll))
  const all = await servers(t, writeZone(policies))
  const found: string[][] = []
  for (const { port } of all) found.push(await outcomes(port, questions))
  const [ours, ...theirs] = found
  t.comment(`what came of them here: ${counts(ours!)}`)
  theirs.forEach((them, nth) => {
    const peer = all[nth + 1]!.name
    const reasons: string[] = []
    const unexplained = new Set<string>()
    questions.forEach((question, i) => {
      if (them[i] === ours![i]) return
      const reason = REASONS.find(({ is }) => is(policies, question, ours![i]!, them[i]!))
      const { name, type, from } = question
      if (reason !== undefined) reasons.push(reason.why)
      else unexplained.add(`${name} ${type} from ${from}: ${ours![i]}, ${peer}: ${them[i]}`)
    })
    t.comment(`${peer} differs: ${counts(reasons) || 'nowhere'}`)
    t.strictSame([...unexplained].sort(), [], `as ${peer}, or it is known why not`)
  })
})

/** `120 a, 7 b` */
function counts(words: readonly string[]): string {
  const each = [...new Set(words)].map(
    word => [word, words.filter(it => it === word).length] as const
  )
  return each
    .sort(([, a], [, b]) => b - a)
    .map(([word, count]) => `${count} ${word}`)
    .join(', ')
}
