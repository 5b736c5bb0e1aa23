import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { ownLine } from '../replay/kit.js'
import { CLIP, FILES, NETWORKS, onTerminal, writeSite } from './run.js'

const ODD = '<b>\\027[2j.clip.example'
const LINES = [
  ownLine({ qname: 'clip.example' }),
  ownLine({ qname: 'clip.example', client: '10.20.3.5' }),
  ownLine({ qname: ODD }),
  ownLine({ qname: 'old.example', verdict: 'blocked', match: 'qname', ban: 'old' })
]

/** @param words further options */
async function replay(t: Test, ...words: string[]) {
  const folder = dirname(
    writeSite(t, {
      ...FILES,
      'a.jsonl': LINES.join(''),
      'before/networks.yaml': NETWORKS.replace(
        'apps: [clip]\n        authority',
        'names: [other.example]\n        authority'
      ),
      'before/apps/clip.yaml': CLIP,
      'evil.jsonl': ownLine({
        qname: 'clip.example',
        client: '\u001b[2J<script>',
        network: 'phones'
      })
    })
  )
  const given = words.map(word => word.replace('FOLDER', folder))
  const ran = await onTerminal(
    80,
    'replay',
    join(folder, 'a.jsonl'),
    '--rules',
    join(folder, 'rules'),
    ...given
  )
  return { ...ran, out: ran.out.replaceAll(`${folder}/`, '') }
}

t.test('shows what changes, within 80 columns', async t => {
  const { code, out } = await replay(t)
  t.equal(code, 0)
  t.match(out, /^4 lookups under rules, compared with the recorded answers$/m)
  t.match(out, /^Newly blocked: 3 lookups$/m)
  t.match(out, /^app clip {2}ban federal {2}3$/m)
  t.match(out, /^Newly allowed: 1 lookup$/m)
  t.match(out, /^ {2}blocked by ban old -> forwarded$/m)
  t.match(out, /^4 of 4 lookups change\.$/m)
  t.notOk(out.split('\n').some(line => line.length > 80))
})

t.test('prints JSON', async t => {
  const { out } = await replay(t, '--json', '--top', '1', '--examples', '1')
  const said = JSON.parse(out) as Record<string, unknown>
  t.match(said, {
    against: null,
    at: null,
    lookups: 4,
    changed: 4,
    changes: {
      blocked: {
        lookups: 3,
        rules: {
          all: 1,
          top: [
            {
              through: 'app clip',
              by: 'ban federal',
              lookups: 3,
              examples: [
                {
                  at: '2023-05-01T09:26:53Z',
                  client: '10.20.3.4',
                  name: 'clip.example',
                  type: 'A',
                  was: 'answered',
                  is: 'nxdomain by ban federal'
                }
              ]
            }
          ]
        },
        networks: { all: 1, top: [{ what: 'phones', lookups: 3 }] },
        clients: { all: 2, top: [{ what: '10.20.3.4', lookups: 2 }] },
        names: { all: 2, top: [{ what: 'clip.example', lookups: 2 }] }
      },
      allowed: { lookups: 1 }
    }
  })
})

t.test('prints a self-contained HTML page without scripts', async t => {
  const { out } = await replay(t, '--html')
  t.match(out, /^<!doctype html>/)
  t.match(out, /data-label="Time">2\d{3}-\d\d-\d\d \d\d:\d\d</)
  t.match(out.replaceAll('<wbr>', ''), '&lt;b&gt;\\027[2j.clip.example')
  t.notMatch(out, /<b>|<script|<link|<img|https?:/)
})

t.test('escapes markup and control characters from logs', async t => {
  const text = await replay(t, 'FOLDER/evil.jsonl')
  t.notMatch(text.out, '\u001b')
  const page = await replay(t, 'FOLDER/evil.jsonl', '--html')
  t.notMatch(page.out, /\u001b|<script/)
  t.match(page.out, '&lt;script&gt;')
})

t.test('the extension of --output implies the format', async t => {
  const folder = dirname(writeSite(t, FILES))
  const written = async (name: string, ...words: string[]): Promise<string> => {
    const file = join(folder, name)
    t.match(await replay(t, '-o', file, ...words), { code: 0, out: '', err: '' })
    return readFileSync(file, 'utf8')
  }
  t.match(await written('x.html'), /^<!doctype html>/)
  t.match(await written('x.json'), /^\{/)
  t.match(await written('x.txt'), /^4 lookups under /)
  t.match(await written('y.html', '--json'), /^\{/, '--json wins')
  t.match(await replay(t, '-o', join(folder, 'x.csv')), { code: 2, err: /--output: .*x\.csv/ })
})

t.test('compares two sets of rules', async t => {
  const { out } = await replay(t, '--against', 'FOLDER/before', '--json')
  t.match(JSON.parse(out), {
    changed: 3,
    changes: { blocked: { lookups: 3 }, allowed: { lookups: 0 } }
  })
})

t.test('--fail-over sets the exit code', async t => {
  t.equal((await replay(t, '--fail-over', '3')).code, 1)
  t.equal((await replay(t, '--fail-over', '4')).code, 0)
})

t.test('--at judges as of another time', async t => {
  const { out } = await replay(t, '--at', '2023-01-01', '--json')
  t.match(JSON.parse(out), { at: '2023-01-01T00:00:00Z', changes: { blocked: { lookups: 0 } } })
})

for (const words of [
  ['--log-format', 'x'],
  ['--top', 'x'],
  ['--at', 'x'],
  ['--network', 'x'],
  ['--json', '--html']
]) {
  t.test(`${words.join(' ')} is a usage error`, async t => {
    const { code, err } = await replay(t, ...words)
    t.equal(code, 2)
    t.match(err, words[0])
  })
}

t.test('reports a missing log in one line', async t => {
  const { code, err } = await replay(t, 'FOLDER/none')
  t.equal(code, 1)
  t.match(err, /REPLAY_UNREADABLE/)
})
