import t from 'tap'
import { readConfig } from '../../src/gateway/config/load-settings.js'
import { locallyAnsweredNames } from '../../src/gateway/compiler/locally-answered.js'
import { showName } from '../../src/wire/dns/name/name.js'

/** Special-use names that a settings file has answered locally, by the kind of answer. */
function kindOf(settings: string, name: string): string | undefined {
  const read = readConfig(settings, 'interdict.yaml')
  if (!read.ok) throw read.errors[0]!
  return locallyAnsweredNames(read.config).find(one => showName(one.name) === name)?.kind
}

const LISTEN = `listen: [127.0.0.1:53, { address: '192.0.2.1:853', protocol: dot, certificate: c, key: k }]`

const cases = [
  {
    it: 'where encrypted listeners are, at the name of all resolvers',
    settings: `discovery: { name: DNS.example. }\n${LISTEN}`,
    name: '_dns.resolver.arpa',
    kind: 'designation'
  },
  {
    it: 'where they are, at the name of this one',
    settings: `discovery: { name: DNS.example. }\n${LISTEN}`,
    name: '_dns.dns.example',
    kind: 'designation'
  },
  { it: 'nothing of them without a name', settings: LISTEN, name: '_dns.resolver.arpa' },
  {
    it: 'nothing of them without such listeners',
    settings: 'discovery: { name: dns.example }',
    name: '_dns.resolver.arpa'
  },
  {
    it: 'nothing of them if all special-use names are forwarded',
    settings: `discovery: { name: dns.example }\nspecial-use: { answer: false }\n${LISTEN}`,
    name: '_dns.dns.example'
  },
  {
    it: 'nothing at the name of all resolvers if that is forwarded',
    settings: `discovery: { name: dns.example }\nspecial-use: { except: [resolver.arpa] }\n${LISTEN}`,
    name: '_dns.resolver.arpa'
  },
  {
    it: 'nevertheless at the name of this one',
    settings: `discovery: { name: dns.example }\nspecial-use: { except: [resolver.arpa, example] }\n${LISTEN}`,
    name: '_dns.dns.example',
    kind: 'designation'
  },
  { it: 'a name, by default', settings: '', name: 'home.arpa', kind: 'empty-zone' },
  { it: 'none, if told so', settings: 'special-use: { answer: false }', name: 'home.arpa' },
  {
    it: 'none that is excepted',
    settings: 'special-use: { except: [home.arpa] }',
    name: 'home.arpa'
  },
  {
    it: 'none that is forwarded elsewhere',
    settings: 'upstreams: { forward: { 10.in-addr.arpa: [192.0.2.53] } }',
    name: '10.in-addr.arpa'
  },
  {
    it: 'what is above a name that is forwarded elsewhere',
    settings: 'upstreams: { forward: { 1.10.in-addr.arpa: [192.0.2.53] } }',
    name: '10.in-addr.arpa',
    kind: 'empty-zone'
  },
  {
    it: 'a hole where a name is forwarded elsewhere',
    settings: 'upstreams: { forward: { 1.10.in-addr.arpa: [192.0.2.53] } }',
    name: '1.10.in-addr.arpa',
    kind: 'forwarded'
  }
]

for (const { it, settings, name, kind } of cases) {
  t.test(`answers ${it}`, async t => t.equal(kindOf(settings, name), kind))
}
