/**
 * The same response policy zone in Interdict, BIND and Unbound, in front of the same upstream, and
 * asked the same questions: the same comes of each, or it is known why not. Run by
 * `npm run test:interop`.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { install, NAME_SERVERS } from '../../tools/install.js'
import { bindWith, bindWithPolicy, unboundWithPolicy } from './peers.js'
import { answers, folder, site, startInterdict } from './processes.js'
import { outcomes } from './rpz-asker.js'
import { CASE_POLICIES, CASES } from './rpz-cases.js'
import {
  dice,
  isBehindEmptyName,
  someQuestion,
  somePolicies,
  UPSTREAM,
  writeZone,
  type Policy,
  type Question
} from './rpz-zone.js'

install(...NAME_SERVERS)
t.setTimeout(600_000)

const QUESTIONS = 10_000
const seed = Number(process.env.INTERDICT_SEED ?? 1)

/** Why something else may come of a question; docs/reference/rules.md has each of them. */
const REASONS: readonly { readonly why: string; readonly is: IsReason }[] = [
  {
    why: 'a name that exists only because of names below it does not end its search for wildcards',
    is: (policies, { name }, _ours, _theirs, peer) =>
      peer === 'unbound' && isBehindEmptyName(policies, name)
  },
  {
    why: 'an answer from its cache is not truncated by a TCP-only policy for an address',
    is: (_policies, _question, ours, theirs, peer) =>
      peer === 'unbound' && ours === `TC, over TCP ${theirs}`
  }
]

type IsReason = (
  policies: readonly Policy[],
  question: Question,
  ours: string,
  theirs: string,
  peer: string
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
special-use: { answer: false }
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

t.test('written cases: the same answer of all three servers, or a known other one', async t => {
  const all = await servers(t, writeZone(CASE_POLICIES))
  for (const { name, port } of all) {
    const found = await outcomes(port, CASES)
    CASES.forEach(({ it, gives, but }, i) =>
      t.equal(found[i], but?.[name] ?? gives, `${name}: ${it}`)
    )
  }
})

t.test(`${QUESTIONS} questions about a zone at random (INTERDICT_SEED=${seed})`, async t => {
  const roll = dice(seed)
  const policies = somePolicies(roll)
  const questions = Array.from({ length: QUESTIONS }, () => someQuestion(roll))
  const all = await servers(t, writeZone(policies))
  const found: string[][] = []
  for (const { port } of all) found.push(await outcomes(port, questions))
  const [ours, ...theirs] = found
  t.comment(`what came of them here: ${counts(ours!)}`)
  for (const [nth, them] of theirs.entries()) {
    const peer = all[nth + 1]!
    const reasons: string[] = []
    const unexplained: Question[] = []
    questions.forEach((question, i) => {
      if (them[i] === ours![i]) return
      const reason = REASONS.find(({ is }) =>
        is(policies, question, ours![i]!, them[i]!, peer.name)
      )
      if (reason === undefined) unexplained.push(question)
      else reasons.push(reason.why)
    })
    t.comment(`${peer.name} differs: ${counts(reasons) || 'nowhere'}`)
    const left = await stillDifferent(all[0]!, peer, unexplained)
    t.strictSame(left, [], `as ${peer.name}, or it is known why not`)
  }
})

/**
 * Asks once more: of a hundred questions at a time, now and then an answer is lost, or Unbound answers
 * one that it should drop.
 */
async function stillDifferent(
  ours: Server,
  peer: Server,
  questions: readonly Question[]
): Promise<string[]> {
  const once = [...new Map(questions.map(it => [JSON.stringify(it), it])).values()]
  const [found, theirs] = [await outcomes(ours.port, once), await outcomes(peer.port, once)]
  return once.flatMap(({ name, type, from }, i) =>
    found[i] === theirs[i]
      ? []
      : [`${name} ${type} from ${from}: ${found[i]}, ${peer.name}: ${theirs[i]}`]
  )
}

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
