import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { lines, logFolder, record } from '../lines.js'
import { kindsOf, signKey, tendOnce, verified } from './rig.js'

const CLOSED = 'queries-20230302T000000.104Z.jsonl'
const ODD = 'queries-20230301T000000.104Z.jsonl'

/** A user namespace in which a disk can be mounted: not everywhere. */
const NAMESPACE = ['--map-root-user', '--mount']
const canMount =
  spawnSync('unshare', [...NAMESPACE, 'sh', '-c', 'mount -t tmpfs none /mnt']).status === 0
const program = fileURLToPath(new URL('on-full-disk.js', import.meta.url))
const options = canMount ? {} : { skip: 'no disk can be mounted here' }

interface Look {
  /** Of the chain alone. */
  readonly codes: readonly string[]
  readonly isOldThere: boolean
  readonly isNextThere: boolean
  readonly hasReserve: boolean
  readonly proven: boolean
  readonly unproven: readonly string[]
  readonly last: readonly string[]
}

function onFullDisk(t: Parameters<typeof signKey>[0], how: string): { full: Look; roomy: Look } {
  const folder = mkdtempSync(join(tmpdir(), 'interdict-disk-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const { options, publicKey } = signKey(t)
  const words = [folder, how, options.signKey, publicKey]
  const command = [...NAMESPACE, process.execPath, program, ...words]
  const env = { ...process.env, NODE_OPTIONS: '' }
  const out = execFileSync('unshare', command, { env, encoding: 'utf8' })
  return JSON.parse(out) as { full: Look; roomy: Look }
}

t.test(
  'full disk: expired lookups are removed with the help of the chain reserve',
  options,
  async t => {
    const { full, roomy } = onFullDisk(t, 'with reserve')
    t.strictSame(full.codes, [])
    t.match(full, { isOldThere: false, proven: true, last: ['removed', 'checkpoint'] })
    t.match(roomy, { codes: [], isNextThere: false, hasReserve: true, proven: true, unproven: [] })
  }
)

t.test(
  'full disk without a reserve: nothing is done or lost, and everything is done once there is space',
  options,
  async t => {
    const { full, roomy } = onFullDisk(t, 'without reserve')
    t.ok(
      full.codes.every(code => code === 'CHAIN_WRITE') && full.codes.length > 0,
      full.codes.join()
    )
    t.match(full, { isOldThere: true, isNextThere: true, proven: true })
    t.ok(full.unproven.some(file => file.endsWith('20230303T000000.000Z.jsonl')))
    t.match(roomy, { codes: [], isOldThere: false, isNextThere: false, hasReserve: true })
    t.match(roomy, { proven: true, unproven: [] })
  }
)

t.test('an unreadable closed file does not delay the others', async t => {
  const key = signKey(t)
  const path = logFolder(t, { [CLOSED]: lines(record('2023-03-01T09:26:53.589Z')) })
  mkdirSync(join(dirname(path), ODD))
  const WALL = '2023-03-02T12:30:00.000Z'
  const { done, told } = await tendOnce(path, WALL, { chain: key.options })
  t.equal(done, false)
  t.match(
    told.flatMap(({ fields }) => fields.code ?? []),
    ['ARCHIVE_FAILED']
  )
  t.strictSame(kindsOf(path), ['start', 'file', 'replaced', 'replaced', 'checkpoint'])
  rmSync(join(dirname(path), ODD), { recursive: true })
  t.match(await verified(path, key.publicKey), { proven: true, files: 2 }, 'Parquet, and its tally')
})
