import { mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import { maintainArchive } from '../../src/lookups/archive/maintain.js'
import { ownLine } from '../replay/kit.js'
import { FILES, interdict, writeSite } from './run.js'

const ODD = '<b>\\027[2j.clip.example'
const LINES = [
  ownLine({ qname: 'clip.example' }),
  ownLine({ qname: 'clip.example', client: '10.20.3.5', network: undefined }),
  ownLine({ qname: ODD, qtype: 'TYPE65280', protocol: 'tcp' }),
  ownLine({ qname: 'old.example', verdict: 'blocked', match: 'qname', ban: 'old' }),
  ownLine({ qname: 'clip.example', verdict: 'blocked', match: 'cname', app: 'a"é\\' }),
  ownLine({ qname: 'clip.example', client: 'deadbeef', privacy: 'pseudonym', network: 'phones' })
]
const nothing = (): void => undefined
const silent = { info: nothing, warn: nothing, error: nothing }

t.test('a folder yields the same result from JSON lines and from Parquet', async t => {
  const folder = dirname(writeSite(t, FILES))
  const log = join(folder, 'log')
  const live = join(log, 'queries.jsonl')
  const replay = async (place: string): Promise<Record<string, unknown>> => {
    const words = ['--rules', join(folder, 'rules'), '--at', '2026-11-01', '--json']
    const { code, out } = await interdict('replay', place, ...words)
    t.equal(code, 0)
    const { logs, ...said } = JSON.parse(out) as Record<string, unknown>
    t.match(logs, [{ format: 'interdict', lookups: LINES.length, lines: LINES.length }])
    return said
  }
  mkdirSync(log)
  writeFileSync(live, LINES.join(''))
  const fromFile = await replay(live)
  t.match(fromFile, { lookups: LINES.length })
  t.strictSame(await replay(log), fromFile)
  renameSync(live, join(log, 'queries-20261112T000000.000Z.jsonl'))
  const options = { threads: 1, parquet: true, chain: undefined, keep: undefined }
  t.equal(await maintainArchive({ path: live, ...options }, Date.UTC(2026, 10, 13), silent), true)
  writeFileSync(live, '')
  t.strictSame(await replay(log), fromFile)
})

t.test('reports lines that are not lookups; rejects other formats in a folder', async t => {
  const folder = dirname(writeSite(t, { ...FILES, 'log/queries.jsonl': `${LINES[0]}nonsense\n` }))
  const words = ['--rules', join(folder, 'rules')]
  const { code, err } = await interdict('replay', join(folder, 'log'), ...words)
  t.equal(code, 0)
  t.match(err, /^Skipped 1 line of the log that is not a lookup: 1 in queries\.jsonl\.$/m)
  const other = await interdict('replay', join(folder, 'log'), ...words, '--log-format', 'dnstap')
  t.equal(other.code, 2)
  t.match(other.err, /is a folder, but --log-format dnstap reads files/)
})
