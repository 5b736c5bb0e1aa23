import t, { type Test } from 'tap'
import { compile } from '../../src/policy/compile/compile.js'
import {
  blockedMustResolve,
  mustResolveErrors
} from '../../src/policy/diff/blocked-must-resolve.js'
import { brief, load, loadGood, NOW } from './folder.js'

const SECONDS = NOW / 1000

/** `must-resolve` on the first line, in a network with these keys, from line 5 on. */
const rules = (...lines: readonly string[]): string => `must-resolve: [login.corp.example]
networks:
  office:
    prefixes: [10.0.0.0/16]
${lines.map(line => `    ${line}\n`).join('')}  guests: { prefixes: [10.1.0.0/16] }
`
const ban = (more: string): string => `bans: [{ id: b, authority: A, reference: r, ${more} }]`

async function errorsOf(t: Test, text: string, more: Readonly<Record<string, string>> = {}) {
  return mustResolveErrors(await loadGood(t, { 'networks.yaml': text, ...more }), SECONDS)
}

const BLOCKING: Readonly<Record<string, readonly string[]>> = {
  'a ban of the name': [ban('names: [login.corp.example]')],
  'a ban of a domain above it': [ban('names: [corp.example]')],
  'a block': ['block: [corp.example]'],
  'a list': ['block: [{ lists: [ads] }]'],
  'one query type': ['block: [{ lists: [types] }]'],
  'a walled garden': [ban('names: [corp.example], action: cname, target: garden.example')],
  'a ban that begins later': [ban('names: [corp.example], from: 2023-06-01')],
  'weekly hours': [ban('names: [corp.example], schedule: { days: sat }')],
  'an exception that ends': [
    ban('names: [corp.example]'),
    'exceptions: [{ names: ["=login.corp.example"], purpose: p, approved-by: a, from: 2023-01-01, until: 2023-06-01 }]'
  ]
}
const LISTS = `lists:
  ads: { file: lists/ads.txt }
  types: { file: lists/types.txt, format: adblock }
`
const LIST_FILES = {
  'lists/ads.txt': 'corp.example\n',
  'lists/types.txt': '||corp.example^$dnstype=AAAA\n'
}

for (const [name, lines] of Object.entries(BLOCKING))
  t.test(`a name that must resolve is blocked by ${name}`, async t => {
    const errors = await errorsOf(t, rules(...lines) + LISTS, LIST_FILES)
    t.strictSame(brief(errors), ['RULES_MUST_RESOLVE networks.yaml:1:16'])
    t.match(
      errors[0]!.message,
      /must-resolve\[0\]: login\.corp\.example must resolve, but (ban|block) /
    )
    t.match(errors[0]!.message, /in network 'office'/)
  })

t.test('the message says from when', async t => {
  const [error] = await errorsOf(t, rules(ban('names: [corp.example], from: 2023-06-01')))
  t.match(
    error!.message,
    "but ban b (networks.yaml:5) blocks it in network 'office' from 2023-06-01"
  )
})

const OPEN: Readonly<Record<string, readonly string[]>> = {
  'another name': [ban('names: [=corp.example, other.example]')],
  'a ban in monitor mode': [ban('names: [corp.example], mode: monitor')],
  'a ban that has ended': [ban('names: [corp.example], until: 2023-04-01')],
  'a name that is left out': [ban('names: [corp.example], except: [login.corp.example]')],
  'an allow': ['block: [corp.example]', 'allow: [login.corp.example]'],
  'local data': ['block: [{ lists: [hosts] }]'],
  'truncated answers': [ban('names: [corp.example], action: truncate')]
}
const HOSTS = `lists:
  hosts: { file: lists/hosts.rpz, format: rpz }
`
const HOST_FILES = {
  'lists/hosts.rpz': '$ORIGIN rpz.\n@ SOA a. b. 1 1 1 1 1\nlogin.corp.example A 10.0.0.9\n'
}

for (const [name, lines] of Object.entries(OPEN))
  t.test(`a name that must resolve is not blocked by ${name}`, async t => {
    const lists = name === 'local data' ? HOSTS : ''
    t.strictSame(brief(await errorsOf(t, rules(...lines) + lists, HOST_FILES)), [])
  })

t.test('each name is reported once, whichever networks and times block it', async t => {
  const text = `must-resolve: [a.example, b.example, c.example]
networks:
  one: { prefixes: [10.0.0.0/16], block: [a.example, b.example] }
  two: { prefixes: [10.1.0.0/16], block: [a.example] }
`
  const set = await loadGood(t, { 'networks.yaml': text })
  const snapshot = compile(set, { generation: 1, random: () => 7 })
  const found = blockedMustResolve(set.mustResolve!, snapshot, SECONDS, 'UTC')
  t.strictSame(
    found.map(({ name }) => name.text),
    ['a.example', 'b.example']
  )
})

t.test('names are checked as others are', async t => {
  const invalid = await load(t, {
    'networks.yaml': `must-resolve: [ok.example, a..b]\n${rules().split('\n').slice(1).join('\n')}`
  })
  t.notOk(invalid.ok)
  if (!invalid.ok) t.strictSame(brief(invalid.errors), ['DOCUMENT_INVALID networks.yaml:1:28'])
  const many = Array.from({ length: 51 }, (_, i) => `n${i}.example`).join(', ')
  const long = await load(t, { 'networks.yaml': rules().replace('login.corp.example', many) })
  t.notOk(long.ok)
})
