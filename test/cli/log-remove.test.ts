import { chownSync, existsSync, readdirSync, rmSync, statSync } from 'node:fs'
import t from 'tap'
import { siteWithChain } from './chained-log.js'
import { spawned } from './run.js'

const EARLY = 'queries-20230302T000000.104Z.jsonl'
const LATE = 'queries-20230303T000000.104Z.jsonl'
t.test('removes files by name or path; verify-log shows by whom and why', async t => {
  const { at, run } = await siteWithChain(t, EARLY, LATE)
  const removed = await run(
    'log',
    'remove',
    EARLY,
    at(`log/${LATE}`),
    '--reason',
    'request \u001b17'
  )
  t.match(removed, { code: 0, err: '' }, removed.err)
  t.equal(
    removed.out,
    `${EARLY}: removed\n${LATE}: removed\n2 files removed, recorded in the chain\n`
  )
  const left = readdirSync(at('log')).filter(name => name.startsWith('queries'))
  t.strictSame(left, [])
  const told = await run('verify-log')
  t.match(told, { code: 0, out: /: verified/ })
  t.match(told.out, /Removed +queries-20230302T.*by .*: request \\u\{1b\}17/)
  const { out } = await run('verify-log', '--json')
  const { manualRemovals, ordered } = JSON.parse(out) as Record<string, unknown>
  t.match(manualRemovals, [
    { reason: 'request \u001b17', files: [{ file: EARLY }, { file: LATE }] }
  ])
  t.strictSame(ordered, manualRemovals, 'its earlier name, which version 1 of the JSON keeps')
})

t.test('prints what it removed as JSON', async t => {
  const { run } = await siteWithChain(t, EARLY, LATE)
  const { out } = await run('log', 'remove', EARLY, '--reason', 'request 17', '--json')
  t.strictSame(JSON.parse(out), { removed: [{ file: EARLY, was: null }], recorded: true })
})

t.test('removes nothing if one file cannot be removed', async t => {
  const { at, run } = await siteWithChain(t, EARLY, LATE)
  const remove = (...words: string[]) => run('log', 'remove', ...words)
  t.match(await remove(EARLY, 'x', '--reason', 'y'), { code: 1, err: /ARCHIVE_NO_FILE/ })
  t.match(await remove(EARLY), { code: 2, err: /--reason/ })
  t.match(await remove(EARLY, '--reason', ' '), { code: 2, err: /--reason/ })
  t.match(await remove('--reason', 'y'), { code: 2 })
  t.ok(existsSync(at(`log/${EARLY}`)))
  rmSync(at('log/chain.jsonl'))
  t.match(await remove(EARLY, '--reason', 'y'), { code: 1, err: /ARCHIVE_NO_CHAIN/ })
})

const asRoot = process.getuid?.() === 0 ? {} : { skip: 'only root can change owners' }

t.test('root creates no files that the gateway cannot write', asRoot, async t => {
  const { at, config } = await siteWithChain(t, EARLY, LATE)
  const NOBODY = 65_534
  for (const name of ['.', 'sign.pem', 'log', ...readdirSync(at('log')).map(n => `log/${n}`)])
    chownSync(at(name), NOBODY, NOBODY)
  rmSync(at('log/chain.reserve'))
  // In a process of its own, which gives up being root.
  t.match(await spawned('-c', config, 'log', 'remove', EARLY, '--reason', 'y'), { code: 0 })
  for (const name of readdirSync(at('log'))) t.equal(statSync(at(`log/${name}`)).uid, NOBODY, name)
})
