import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { readConfig } from '../../../src/gateway/config/load-settings.js'
import { apiRig } from './rig.js'

t.test('stored reports are listed, and served with a policy for their style sheet', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'interdict-stored-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const read = readConfig('reports: [{ report: daily }]', join(folder, 'interdict.yaml'))
  if (!read.ok) throw new Error('settings')
  const rig = await apiRig(t, { services: { config: read.config } })
  const token = rig.token('r', ['read'])
  const get = (url: string) => rig.send({ url: `/api/v1/reports/stored${url}`, token })
  t.strictSame((await get('')).json(), { items: [] }, 'no folder yet')
  const reports = join(folder, 'state/reports')
  mkdirSync(reports, { recursive: true })
  for (const day of ['10', '12', '11']) {
    const file = join(reports, `daily-2026-11-${day}.html`)
    writeFileSync(file, `<!doctype html><style>p{}</style>${day}`)
    const about = { report: 'daily', title: `Daily ${day}`, since: null, until: null }
    const created = `2026-11-${day}T05:00:00.000Z`
    writeFileSync(`${file}.about.json`, JSON.stringify({ ...about, created }))
  }
  const { items } = (await get('')).json<{ items: { name: string; bytes: number }[] }>()
  t.strictSame(
    items.map(({ name }) => name),
    ['12', '11', '10'].map(day => `daily-2026-11-${day}.html`)
  )
  t.match(items[0], { title: 'Daily 12', bytes: 35 })
  const page = await get('/daily-2026-11-10.html')
  const hash = createHash('sha256').update('p{}').digest('base64')
  t.match(page, {
    statusCode: 200,
    headers: {
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': `default-src 'none'; style-src 'sha256-${hash}'; frame-ancestors 'self'; sandbox`,
      'x-frame-options': 'SAMEORIGIN'
    },
    body: '<!doctype html><style>p{}</style>10'
  })
  t.match(await get('/daily-2020-01-01.html'), { statusCode: 404 })
  t.match(await get('/..%2Ftokens.json'), { statusCode: 400 })
})
