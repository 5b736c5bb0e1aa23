import { mkdirSync, renameSync, rmSync, symlinkSync } from 'node:fs'
import t from 'tap'
import { banned } from './banned.js'
import { serving, type Rig } from './serve.js'
import { banning, eventually } from './site.js'

const NETWORKS = 'rules/networks.yaml'
const NOT_ACCEPTED = 'reload failed'

const app = (id: string, ...names: string[]): string =>
  `app: ${id}\ntitle: ${id}\nnames: [${names.join(', ')}]\n`
const apps = (...ids: string[]): string => `networks:
  all:
    prefixes: [127.0.0.0/8]
    bans: [{ apps: [${ids.join(', ')}], authority: Nobody, reference: none }]
`
const list = `networks:
  all: { prefixes: [127.0.0.0/8], block: [{ lists: [bad] }] }
lists:
  bad: { file: lists/bad.txt }
`

/** How files can change, from a state in which one.example is banned to one with two.example. */
const changes: {
  readonly it: string
  readonly files: Record<string, string>
  readonly more?: string
  readonly prepare?: (rig: Rig) => void
  readonly make: (rig: Rig) => void
}[] = [
  {
    it: 'written in place',
    files: { [NETWORKS]: banning('one.example') },
    make: ({ site }) => site.write(NETWORKS, banning('two.example'))
  },
  {
    it: 'renamed over',
    files: { [NETWORKS]: banning('one.example') },
    make: ({ site }) => {
      site.write('rules/.networks.yaml.swp', banning('two.example'))
      renameSync(site.path('rules/.networks.yaml.swp'), site.path(NETWORKS))
    }
  },
  {
    it: 'several files at once',
    files: { [NETWORKS]: apps('one'), 'rules/apps/one.yaml': app('one', 'one.example') },
    make: ({ site }) => {
      site.write('rules/apps/two.yaml', app('two', 'two.example'))
      rmSync(site.path('rules/apps/one.yaml'))
      site.write(NETWORKS, apps('two'))
    }
  },
  {
    it: 'a list',
    files: { [NETWORKS]: list, 'rules/lists/bad.txt': 'one.example\n' },
    make: ({ site }) => site.write('rules/lists/bad.txt', 'two.example\n')
  },
  {
    it: 'a list in a folder that the settings name, renamed over twice',
    files: { [NETWORKS]: list.replace('lists/', '../shared/'), 'shared/bad.txt': 'one.example\n' },
    more: 'rules: { folder: rules, outside-folders: [shared] }',
    make: ({ site }) => {
      for (const name of ['half.example', 'two.example']) {
        site.write('new.txt', `${name}\n`)
        renameSync(site.path('new.txt'), site.path('shared/bad.txt'))
      }
    }
  },
  {
    it: 'a symbolic link to the folder, swapped',
    files: {
      'v1/networks.yaml': banning('one.example'),
      'v2/networks.yaml': banning('two.example')
    },
    prepare: ({ site }) => symlinkSync('v1', site.path('rules')),
    make: ({ site }) => {
      symlinkSync('v2', site.path('tmp'))
      renameSync(site.path('tmp'), site.path('rules'))
    }
  },
  {
    it: 'the whole folder moved away and another put there',
    files: { [NETWORKS]: banning('one.example') },
    make: ({ site }) => {
      renameSync(site.path('rules'), site.path('old'))
      mkdirSync(site.path('rules'))
      site.write(NETWORKS, banning('two.example'))
    }
  }
]

for (const { it, files, more = '', prepare, make } of changes) {
  t.test(`reloads on a change: ${it}`, async t => {
    const rig = await serving(t, { files, more }, prepare)
    t.ok(await banned(rig, 'one.example'), 'before')
    make(rig)
    await eventually('the new rules are in force', () => banned(rig, 'two.example'))
    t.notOk(await banned(rig, 'one.example'), 'after')
    t.equal(rig.log.lines.filter(({ level }) => level === 'error').length, 0, 'no error in between')
  })
}

t.test('the rules folder is deleted, and comes back', async t => {
  const rig = await serving(t)
  const { site, log } = rig
  for (const [i, name] of ['two.example', 'three.example'].entries()) {
    rmSync(site.path('rules'), { recursive: true })
    await log.says(NOT_ACCEPTED, i + 1)
    t.ok(await banned(rig, i === 0 ? 'banned.example' : 'two.example'), 'the active rules remain')
    site.write(NETWORKS, banning(name))
    await eventually('what came back is in force', () => banned(rig, name))
    const next = `four.${name}`
    site.write(NETWORKS, banning(next.replace(name, `x.${name}`)))
    await eventually('and is watched', async () => !(await banned(rig, name)))
    site.write(NETWORKS, banning(name))
    await eventually('and watched on', () => banned(rig, name))
  }
})

t.test('a list that moves out of the folder: the previous rules stay', async t => {
  const files = {
    [NETWORKS]: list,
    'rules/lists/bad.txt': 'one.example\n',
    'shared/bad.txt': 'two.example\n'
  }
  const rig = await serving(t, { files })
  rig.site.write(NETWORKS, list.replace('lists/', '../shared/'))
  const { fields, message } = await rig.log.says('rules.outside-folders')
  t.match([message, fields], [/networks\.yaml:4:16: cannot read/, { code: 'RULES_UNREADABLE' }])
  t.ok(await banned(rig, 'one.example'))
})
