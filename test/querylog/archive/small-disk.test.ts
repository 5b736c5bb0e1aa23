import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'

/** A user namespace in which a disk can be mounted: not everywhere. */
const NAMESPACE = ['--map-root-user', '--mount']
const canMount =
  spawnSync('unshare', [...NAMESPACE, 'sh', '-c', 'mount -t tmpfs none /mnt']).status === 0
const program = fileURLToPath(new URL('on-small-disk.js', import.meta.url))

interface Look {
  readonly codes: readonly string[]
  /** Whether the closed file is there, as it was. */
  readonly isWhole: boolean
  readonly lookups: number
  readonly parquet: number
  readonly making: boolean
  readonly report: { readonly code: number; readonly lookups: number; readonly said: string }
  readonly page: string
  /** What the file of the page has after it could not be written. */
  readonly previous?: string
}

for (const { how, code } of [
  { how: 'full', code: 'ARCHIVE_FAILED' },
  { how: 'read-only', code: 'ARCHIVE_FAILED' }
]) {
  const options = canMount ? {} : { skip: 'no disk can be mounted here' }
  t.test(`on a disk that is ${how} nothing is lost, and reports work`, options, async t => {
    const folder = mkdtempSync(join(tmpdir(), 'interdict-disk-'))
    t.teardown(() => rmSync(folder, { recursive: true, force: true }))
    const env = { ...process.env, NODE_OPTIONS: '' }
    const command = [...NAMESPACE, process.execPath, program, folder, how]
    const out = execFileSync('unshare', command, { env, encoding: 'utf8' })
    const { first, second } = JSON.parse(out) as { first: Look; second: Look }
    t.strictSame(first.codes, [code])
    t.match(first, { isWhole: true, lookups: 3001, parquet: 0, making: false })
    t.strictSame(first.report, { code: 0, lookups: 3001, said: '' })
    t.match(first, { page: 'CLI_OUTPUT', previous: /^previous$/ })
    t.strictSame(second.codes, [], 'as soon as there is room it is done')
    t.match(second, { isWhole: false, lookups: 3001, parquet: 1, page: '' })
  })
}
