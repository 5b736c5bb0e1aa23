import { readFileSync, statSync, chmodSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { interdict, type Ran } from './run.js'

const NETWORKS = `# rules of the office
networks:
  office:
    prefixes: [10.0.0.0/8]
    bans:
      - { id: clip, apps: [clip], authority: A, reference: R } # the app
  guests:
    prefixes: [192.0.2.0/24]
`

function site(t: Test): {
  add: (...words: string[]) => Promise<Ran>
  text: () => string
  path: string
} {
  const folder = t.testdir({
    'interdict.yaml':
      'rules: rules\nlog: { queries: { which: none } }\nupstreams: { use-resolv-conf: false }\n',
    rules: {
      'networks.yaml': NETWORKS,
      apps: { 'clip.yaml': 'app: clip\ntitle: Clip\nnames: [clip.example]\n' }
    }
  })
  const path = join(folder, 'rules/networks.yaml')
  return {
    path,
    add: (...words) => interdict(...words, '-c', join(folder, 'interdict.yaml')),
    text: () => readFileSync(path, 'utf8')
  }
}

const EXCEPTION = [
  ...['exception', 'add', '--client', '10.1.7.3', '--app', 'clip', '--purpose', 'press'],
  ...['--approved-by', 'CISO', '--until', '30d']
]

t.test('shows the lines and the effect, and writes only if asked to', async t => {
  const { add, text, path } = site(t)
  const dry = await add(...EXCEPTION, '--dry-run')
  t.equal(dry.code, 0, dry.err)
  t.match(dry.out, /\+ {6}- apps: \[clip\]\n\+ {8}prefixes: \[10\.1\.7\.3\]/)
  t.match(dry.out, /10\.1\.7\.3/)
  t.match(dry.out, /is not changed/)
  t.equal(text(), NETWORKS)
  t.match(await add(...EXCEPTION), { code: 2, err: /--yes/ }, 'there is no terminal to ask at')

  chmodSync(path, 0o640)
  const done = await add(...EXCEPTION, '--yes')
  t.match(done, { code: 0, out: /Wrote .*networks\.yaml\. A running gateway reloads it/ }, done.err)
  t.match(text(), /reference: R \} # the app\n {4}exceptions:\n {6}- apps: \[clip\]\n/)
  t.equal(statSync(path).mode & 0o777, 0o640)
  t.match(await add('check'), { code: 0 })
})

t.test('rules with errors are not written', async t => {
  const { add, text } = site(t)
  const wide = EXCEPTION.map(word => (word === '10.1.7.3' ? '10.0.0.0/8' : word))
  const ran = await add(...wide, '--yes')
  t.match(ran, { code: 1, out: /networks\.yaml:9:\d+.*RULES_BLANKET/ })
  t.equal(text(), NETWORKS)
  const unknown = EXCEPTION.map(word => (word === 'clip' ? 'clop' : word))
  t.match(await add(...unknown, '--yes'), { code: 1, out: /clop/ })
  t.equal(text(), NETWORKS)
})

t.test('ban add, list add and record add', async t => {
  const { add, text } = site(t)
  const ban = ['ban', 'add', '--network', 'office', 'guests', '--id', 'games']
  const why = ['--name', 'games.example', '--authority', 'Board', '--reference', 'D 12', '--yes']
  t.match(await add(...ban, ...why), { code: 0 })
  t.match(text(), /- id: office-games\n {8}names: \[games\.example\]\n/)
  t.match(text(), /guests:\n {4}prefixes: .*\n {4}bans:\n {6}- id: guests-games\n/)
  t.match(await add(...ban, ...why), { code: 1, err: /EDIT_EXISTS/ })

  const list = ['list', 'add', 'bad', '--url', 'https://lists.example/bad', '--refresh', '1d']
  t.match(await add(...list, '--network', 'guests', '--monitor', '--yes'), { code: 0 })
  t.match(text(), /block:\n {6}- lists: \[bad\]\n {8}mode: monitor\n/)
  t.match(text(), /\nlists:\n {2}bad:\n {4}url: https:\/\/lists\.example\/bad\n {4}refresh: 1d\n/)

  const record = [
    'record',
    'add',
    'nas.example',
    '--a',
    '10.1.2.3',
    '--ttl',
    '1h',
    '--json',
    '--yes'
  ]
  const added = await add(...record)
  t.equal(added.code, 0, added.err)
  t.match(JSON.parse(added.out), { written: true, changedLines: /\+ {6}a: 10\.1\.2\.3/ })
  t.match(text(), /\ndefaults:\n {2}records:\n {4}- name: nas\.example\n/)
})

t.test('says what is missing', async t => {
  const { add } = site(t)
  const other = EXCEPTION.map(word => (word === '10.1.7.3' ? '203.0.113.1' : word))
  t.match(await add(...other, '--yes'), { code: 2, err: /no network has this address/ })
  const network = ['--network', 'offices', '--yes']
  t.match(await add(...EXCEPTION, ...network), {
    code: 1,
    err: /did you mean 'office'.*EDIT_NETWORK/
  })
})
