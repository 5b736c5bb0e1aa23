import { readdirSync, readFileSync, writeFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { interdict } from '../cli/run.js'

const FOLDER = 'rules/safe-search'
const TARGETS: Readonly<Record<string, string>> = {
  google: 'forcesafesearch.google.com',
  bing: 'strict.bing.com',
  duckduckgo: 'safe.duckduckgo.com',
  'youtube-moderate': 'restrictmoderate.youtube.com',
  'youtube-strict': 'restrict.youtube.com'
}

/** Owner, type and target of each record. */
function recordsOf(file: string): readonly (readonly string[])[] {
  const lines = readFileSync(join(FOLDER, file), 'utf8').split('\n')
  return lines.filter(line => /^[^;$\s]/.test(line)).map(line => line.split(' '))
}

t.test('every record is an alias of the name that the search engine has for it', t => {
  t.strictSame(
    readdirSync(FOLDER).sort(),
    Object.keys(TARGETS)
      .map(name => `${name}.zone`)
      .sort()
  )
  for (const [name, target] of Object.entries(TARGETS)) {
    const records = recordsOf(`${name}.zone`)
    const owners = records.map(([owner]) => owner)
    t.ok(
      records.every(([, type, to]) => type === 'CNAME' && to === `${target}.`),
      name
    )
    t.equal(new Set(owners).size, owners.length, `${name}: no name twice`)
    t.notOk(owners.includes(`${target}.`), `${name}: no loop`)
  }
  const google = recordsOf('google.zone').map(([owner]) => owner)
  t.ok(google.length > 180)
  for (const domain of ['com', 'be', 'co.uk', 'com.br', 'cat'])
    t.ok(google.includes(`www.google.${domain}.`), domain)
  t.end()
})

t.test('evidence has a source and a date, and says which names it does not have', t => {
  for (const [name, target] of Object.entries(TARGETS)) {
    const text = readFileSync(join(FOLDER, `${name}.zone`), 'utf8')
    const found =
      /^; .*evidence: (\S+\/\S+) (\S+) ([0-9a-f]{12}), read (\d{4}-\d\d-\d\d), (\d+) of (\d+) names(?:; not (.+))?$/m.exec(
        text
      )
    t.ok(found, name)
    const [, , , , day, backed, all, without = ''] = found!
    t.ok(Date.parse(day!) >= Date.UTC(2026, 11, 4), `${name}: ${day}`)
    const owners = recordsOf(`${name}.zone`).map(([owner]) => owner)
    const missing = without.split(', ').filter(other => other !== '' && other !== target)
    t.ok(
      missing.every(other => owners.includes(`${other}.`)),
      `${name}: ${without}`
    )
    t.equal(owners.length, Number(all), `${name}: a record came or went without evidence`)
    t.equal(owners.length - missing.length, Number(backed), name)
    t.match(text, /^; .*https:\/\/\S+/m, `${name}: the page of the search engine`)
  }
  t.end()
})

t.test('a network has it in one line, for every type', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'interdict-safe-search-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  t.match(await interdict('init', folder, '--yes'), { code: 0 })
  const path = join(folder, 'rules/networks.yaml')
  const files = ['google', 'bing', 'youtube-strict', 'duckduckgo'].map(
    name => `{ file: safe-search/${name}.zone, format: zone }`
  )
  const text = readFileSync(path, 'utf8')
  writeFileSync(
    path,
    text.replace('  local:\n', `  local:\n    record-files: [${files.join(', ')}]\n`)
  )
  const config = join(folder, 'interdict.yaml')
  t.match(await interdict('check', '-c', config), { code: 0, out: 'no errors\n' })
  for (const name of ['www.google.be', 'www.bing.com', 'm.youtube.com', 'duckduckgo.com'])
    for (const type of ['A', 'AAAA', 'HTTPS']) {
      const words = [
        'explain',
        name,
        '-t',
        type,
        '--from',
        '10.1.2.3',
        '--no-upstream',
        '-c',
        config
      ]
      t.match(
        await interdict(...words),
        { code: 0, out: /^LOCAL by a local record$/m },
        `${name} ${type}`
      )
    }
})
