/**
 * Lists as they are published, read and counted twice: by us, and by a few lines of awk for each
 * format. Run by `npm run test:corpora`, with the folder that has them in INTERDICT_CORPORA.
 */
import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import t from 'tap'
import { compile } from '../../src/policy/compile/compile.js'
import { scanList } from '../../src/policy/rules/lists/list-formats.js'
import type { LineFormat } from '../../src/policy/rules/model/list-format.js'
import { load } from '../rules/folder.js'

const CORPORA = process.env.INTERDICT_CORPORA ?? ''
const AWK = 'test/corpora'
const NETWORKS =
  'networks: { n: { prefixes: [10.0.0.0/8], block: [{ lists: [m] }] } }\nlists: { m: { file: m } }\n'

/** Folders of lists, and what is in them where the name does not say it. */
const FOLDERS: Readonly<Record<string, LineFormat>> = {
  adblock: 'adblock',
  domains: 'domains',
  hosts: 'hosts',
  'apps-raw': 'domains',
  ips: 'addresses',
  top: 'domains'
}

/** No lists of names: whatever reads them has to say so. */
const NO_LISTS = /\.(?:md|json|tsv)(?:\.gz)?$/

function formatOf(folder: string, file: string): LineFormat {
  if (file.includes('-hosts.txt')) return 'hosts'
  return file.startsWith('v2fly-') ? 'v2fly' : FOLDERS[folder]!
}

/** Names, different names, bad lines and lines that are not applicable, as we count them. */
function ours(octets: Uint8Array, format: LineFormat): readonly number[] {
  const different = new Set<string>()
  const bad = new Set<number>()
  let names = 0
  let other = 0
  const take = (name: Uint8Array, length: number): void => {
    names++
    different.add(Buffer.from(name.subarray(0, length)).toString('latin1'))
  }
  scanList(
    octets,
    format,
    new Map(),
    { now: 0 },
    {
      blockName: (name, _at, length) => take(name, length),
      addName: (_saying, name) => take(name, name.indexOf(0) + 1),
      disable: () => undefined,
      addPrefix: (_saying, { address, length }) =>
        take(Uint8Array.from([...address, length, 0]), 18),
      skipLine: line => bad.add(line),
      setExpiry: () => undefined,
      countUnsupported: () => other++
    }
  )
  return [names, different.size, bad.size, other]
}

function theirs(octets: Uint8Array, format: LineFormat): readonly number[] {
  const files = ['name', format].flatMap(name => ['-f', join(AWK, `${name}.awk`)])
  const options = { input: octets, env: { ...process.env, LC_ALL: 'C' } }
  return execFileSync('awk', files, options).toString().trim().split(' ').map(Number)
}

t.setTimeout(600_000)
t.ok(existsSync(CORPORA), 'INTERDICT_CORPORA is a folder')

for (const folder of Object.keys(FOLDERS)) {
  for (const file of readdirSync(join(CORPORA, folder))) {
    const octets = readFileSync(join(CORPORA, folder, file))
    if (NO_LISTS.test(file)) {
      t.test(`refuses ${folder}/${file}`, async t => {
        t.match(await load(t, { 'networks.yaml': NETWORKS, m: octets }), { ok: false })
      })
      continue
    }
    const format = formatOf(folder, file)
    t.test(`${folder}/${file} loads, and counts agree`, async t => {
      const loaded = await load(t, { 'networks.yaml': NETWORKS, m: octets })
      if (!loaded.ok) throw new Error(loaded.errors.map(({ message }) => message).join('\n'))
      const plain = file.endsWith('.gz') ? gunzipSync(octets) : octets
      t.equal(loaded.lists[0]?.format, format)
      const counts = ours(plain, format)
      const [names, different, bad, other] = counts
      t.strictSame(counts, theirs(plain, format))
      t.equal(loaded.lists[0]?.names, names)
      const { counts: compiled } = compile(loaded.rules, { generation: 1, random: () => 1 })
      if (format === 'domains' || format === 'hosts') t.equal(compiled.names, different)
      t.comment(`${names} names, ${names! - different!} of them again, ${bad} bad, ${other} other`)
    })
  }
}
