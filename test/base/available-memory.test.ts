import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { availableMemory } from '../../src/base/system/available-memory.js'

const MB = 1024 * 1024

/** A folder with these files, in place of `/`. */
function rootWith(t: Test, files: Readonly<Record<string, string | number>>): string {
  const root = mkdtempSync(join(tmpdir(), 'interdict-memory-'))
  t.teardown(() => rmSync(root, { recursive: true, force: true }))
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true })
    writeFileSync(join(root, name), `${text}\n`)
  }
  return root
}

const MEMINFO = 'MemTotal:       8000000 kB\nMemAvailable:   4096000 kB\nSwapFree:        102400 kB'
const UNIT = 'sys/fs/cgroup/system.slice/interdict.service'

t.test('the machine, where there is no limit', async t => {
  const root = rootWith(t, { 'proc/meminfo': MEMINFO, 'proc/self/cgroup': '0::/' })
  t.strictSame(availableMemory(root), {
    octets: 4100 * MB,
    limit: 'the memory of the machine'
  })
})

t.test('cgroup v2: the limit, less what is in use and cannot be reclaimed', async t => {
  const root = rootWith(t, {
    'proc/meminfo': MEMINFO,
    'proc/self/cgroup': '0::/system.slice/interdict.service',
    [`${UNIT}/memory.max`]: 256 * MB,
    [`${UNIT}/memory.current`]: 200 * MB,
    [`${UNIT}/memory.stat`]: `anon 5\nfile 9\ninactive_file ${20 * MB}`,
    'sys/fs/cgroup/system.slice/memory.max': 'max',
    'sys/fs/cgroup/system.slice/memory.current': 5000 * MB
  })
  const limit = 'the memory limit of its cgroup, 256 MB'
  t.strictSame(availableMemory(root), { octets: 76 * MB, limit })
})

t.test('a limit of a cgroup above it', async t => {
  const root = rootWith(t, {
    'proc/meminfo': MEMINFO,
    'proc/self/cgroup': '0::/system.slice/interdict.service',
    [`${UNIT}/memory.max`]: 256 * MB,
    [`${UNIT}/memory.current`]: 100 * MB,
    'sys/fs/cgroup/system.slice/memory.max': 512 * MB,
    'sys/fs/cgroup/system.slice/memory.current': 600 * MB
  })
  const limit = 'the memory limit of its cgroup, 512 MB'
  t.strictSame(availableMemory(root), { octets: 0, limit })
})

t.test('cgroup v1, as it is mounted in a container', async t => {
  const root = rootWith(t, {
    'proc/meminfo': MEMINFO,
    'proc/self/cgroup': '5:cpu:/docker/1\n4:memory:/docker/1\n0::/',
    'sys/fs/cgroup/memory/memory.limit_in_bytes': 300 * MB,
    'sys/fs/cgroup/memory/memory.usage_in_bytes': 250 * MB,
    'sys/fs/cgroup/memory/memory.stat': `inactive_file 1\ntotal_inactive_file ${10 * MB}`
  })
  const limit = 'the memory limit of its cgroup, 300 MB'
  t.strictSame(availableMemory(root), { octets: 60 * MB, limit })
})

t.test('no limit in v1 is a very large number', async t => {
  const root = rootWith(t, {
    'proc/meminfo': MEMINFO,
    'proc/self/cgroup': '4:memory:/',
    'sys/fs/cgroup/memory/memory.limit_in_bytes': '9223372036854771712',
    'sys/fs/cgroup/memory/memory.usage_in_bytes': 250 * MB
  })
  t.match(availableMemory(root), { limit: 'the memory of the machine' })
})

t.test('not known without any of these files', async t => {
  t.equal(availableMemory(rootWith(t, {})), undefined)
})

t.test('this machine', { skip: process.platform === 'linux' ? false : 'not Linux' }, async t => {
  t.ok(availableMemory()!.octets > 0)
})
