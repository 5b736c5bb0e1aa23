import { rmSync, symlinkSync } from 'node:fs'
import t from 'tap'
import { askUdp } from './dns-client.js'
import { Rig, serving } from './serve.js'
import type { Site } from './site.js'

const NETWORKS = 'rules/networks.yaml'
const APP = 'rules/apps/clip.yaml'
const LIST = 'rules/lists/bad.txt'
const MANY = 1_000_000

/** Replies are compared whole, so that a failure shows what came instead. */
const BLOCKED = { rcode: 'NXDOMAIN', ede: 15 }
const NO_UPSTREAM = { rcode: 'SERVFAIL', ede: 23 }

const FILES = {
  [NETWORKS]: `networks:
  all:
    prefixes: [127.0.0.0/8]
    bans: [{ apps: [clip], authority: Nobody, reference: none }]
    block: [{ lists: [bad] }]
lists:
  bad: { file: lists/bad.txt }
`,
  [APP]: 'app: clip\ntitle: Clip\nnames: [clip.example]\n',
  [LIST]: 'listed.example\n'
}

/** Empty files, and files that nobody can read, not even root. */
const losses: {
  readonly it: string
  readonly lose: (site: Site) => void
  readonly code: string
  readonly file: string
}[] = [
  {
    it: 'an empty networks.yaml',
    lose: site => site.write(NETWORKS, ''),
    code: 'DOCUMENT_INVALID',
    file: 'networks.yaml'
  },
  {
    it: 'an empty app file',
    lose: site => site.write(APP, ''),
    code: 'DOCUMENT_INVALID',
    file: 'clip.yaml'
  },
  {
    it: 'an empty list',
    lose: site => site.write(LIST, ''),
    code: 'RULES_LIST_EMPTY',
    file: 'bad.txt'
  },
  {
    it: 'a networks.yaml that cannot be read',
    lose: site => unreadable(site.path(NETWORKS)),
    code: 'RULES_UNREADABLE',
    file: 'networks.yaml'
  },
  {
    it: 'an app file that cannot be read',
    lose: site => unreadable(site.path(APP)),
    code: 'RULES_UNREADABLE',
    file: 'clip.yaml'
  },
  {
    it: 'a zone that is cut off in its last line',
    lose: site =>
      site.write(LIST, '$TTL 60\n@ SOA . . 1 1 1 1 1\nother.example CNAME .\nlisted.ex'),
    code: 'RULES_LIST_REFUSED',
    file: 'bad.txt'
  },
  {
    it: 'a list that cannot be read',
    lose: site => unreadable(site.path(LIST)),
    code: 'RULES_UNREADABLE',
    file: 'networks.yaml'
  },
  {
    it: 'no list at all',
    lose: site => rmSync(site.path(LIST)),
    code: 'RULES_UNREADABLE',
    file: 'networks.yaml'
  }
]

/** A link to itself: root may read everything else. */
function unreadable(path: string): void {
  rmSync(path)
  symlinkSync(path, path)
}

t.test('at the start: without valid rules it does not start', async t => {
  for (const { it, lose, code, file } of losses) {
    const { gateway, site } = new Rig(t, { files: FILES })
    lose(site)
    t.match(await gateway.start(), [{ code, message: new RegExp(`${file}:\\d+:\\d+: `) }], it)
    t.strictSame(gateway.endpoints, [], `${it}: no socket was opened`)
    await gateway.abort()
  }
})

t.test('on reload: the previous rules remain active', async t => {
  const rig = await serving(t, { files: FILES })
  const { site, log, gateway } = rig
  for (const { it, lose, code, file } of losses) {
    lose(site)
    await log.says('reload failed')
    const [told] = log.lines.filter(({ level }) => level === 'error')
    t.match(told, { fields: { code }, message: new RegExp(`${file}:\\d+:\\d+: `) }, it)
    t.match(await askUdp(rig.at, 'clip.example'), BLOCKED, `${it}: the ban holds`)
    t.match(await askUdp(rig.at, 'listed.example'), BLOCKED, `${it}: so does the list`)
    t.equal(gateway.rules.generation, 1)

    log.lines.length = 0
    for (const [name, text] of Object.entries(FILES)) site.replace(name, text)
    await log.says('errors are fixed')
    log.lines.length = 0
  }
})

t.test('a list of zero names after one of a million', async t => {
  const names = Array.from({ length: MANY }, (_, i) => `n${i}.example\n`).join('')
  const rig = await serving(t, { files: { ...FILES, [LIST]: names } })
  rig.site.write(LIST, '')
  const { fields } = await rig.log.says('reload failed')
  t.match(fields, { errors: 1, generation: 1 })
  t.match(await askUdp(rig.at, `n${MANY - 1}.example`), BLOCKED, 'the million stays')

  const meant = FILES[NETWORKS].replace('bad.txt }', 'bad.txt, may-be-empty: true }')
  rig.site.write(NETWORKS, meant)
  await rig.generation(2)
  const forwarded = await askUdp(rig.at, `n${MANY - 1}.example`)
  t.match(forwarded, NO_UPSTREAM, 'unless the rules allow it')
  t.match(await askUdp(rig.at, 'clip.example'), BLOCKED)
})

t.test(
  'a rules folder without a network: no client would be served, so it does not start',
  async t => {
    const rig = new Rig(t, { files: { [NETWORKS]: 'networks: {}\n' } })
    t.match(await rig.gateway.start(), [{ code: 'RULES_NO_NETWORK' }])
  }
)
