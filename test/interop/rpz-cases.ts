import { CLIENT, type Policy, type Question } from './rpz-zone.js'

/** A question about `CASE_POLICIES`, and what the servers answer, in the words of `outcomes`. */
export interface RpzCase extends Question {
  readonly it: string
  readonly gives: string
  /** Another answer, by the name of the server; docs/reference/rules.md has the reason. */
  readonly but?: Readonly<Record<string, string>>
}

const from = '127.0.0.1'

export const CASE_POLICIES: readonly Policy[] = [
  { owner: '*.a.example', records: ['CNAME .'] },
  { owner: 'b.a.example', records: ['CNAME *.'] },
  { owner: 'c.b.c.example', records: ['A 192.0.2.2', 'TXT "policy"'] },
  { owner: 'gone.example', records: ['CNAME .'] },
  { owner: 'moved.example', records: ['CNAME c.b.c.example.'] },
  { owner: 'open.x.example', records: ['CNAME rpz-passthru.'] },
  { owner: 'a.b.example', records: ['CNAME moved.example.'] },
  { owner: '*.garden.example', records: ['CNAME *.probe.example.'] },
  { owner: 'drop.example', records: ['CNAME rpz-drop.'] },
  { owner: 'tcp.example', records: ['CNAME rpz-tcp-only.'] },
  { owner: 'c.x.example', records: ['MX 10 mail.test.'] },
  { owner: '24.0.113.0.203.rpz-ip', records: ['CNAME .'] },
  { owner: '32.9.113.0.203.rpz-ip', records: ['A 192.0.2.9'] },
  { owner: '24.0.114.0.203.rpz-ip', records: ['CNAME *.'] },
  { owner: '32.9.0.0.127.rpz-client-ip', records: ['CNAME moved.example.'] }
]

/** The upstream's `*.w` is an alias of a.b, and `*.v` of c.x; see `UPSTREAM` for addresses. */
export const CASES: readonly RpzCase[] = [
  { it: 'a wildcard', name: 'c.a.example', type: 'A', from, gives: 'NXDOMAIN' },
  { it: 'a name below it', name: 'b.a.example', type: 'A', from, gives: 'no records' },
  {
    it: 'below a closer encloser',
    name: 'x.b.a.example',
    type: 'A',
    from,
    gives: '198.51.100.1'
  },
  { it: 'local data', name: 'c.b.c.example', type: 'TXT', from, gives: '"policy"' },
  { it: 'no local data of the type', name: 'c.b.c.example', type: 'MX', from, gives: 'no records' },
  { it: 'a name beside local data', name: 'x.b.c.example', type: 'A', from, gives: '198.51.100.1' },
  {
    it: 'a local alias of a name with a policy',
    name: 'moved.example',
    type: 'A',
    from,
    gives: 'CNAME c.b.c.example, 192.0.2.2',
    but: { BIND: 'CNAME c.b.c.example, 198.51.100.1' }
  },
  {
    it: 'an alias of a name whose policy is an alias',
    name: 'q.w.example',
    type: 'A',
    from,
    gives: 'CNAME a.b.example, CNAME moved.example, CNAME c.b.c.example, 192.0.2.2',
    but: { BIND: 'CNAME a.b.example, CNAME moved.example, 198.51.100.1' }
  },
  {
    it: 'an alias of a name with local data of another type',
    name: 'q.v.example',
    type: 'A',
    from,
    gives: 'CNAME c.x.example, no records'
  },
  {
    it: 'an alias of the query name below a wildcard',
    name: 'q.garden.example',
    type: 'A',
    from,
    gives: 'CNAME q.garden.example.probe.example, 198.51.100.1'
  },
  { it: 'passthru', name: 'open.x.example', type: 'A', from, gives: '203.0.113.7' },
  { it: 'no answer', name: 'drop.example', type: 'A', from, gives: 'silence' },
  {
    it: 'TCP only',
    name: 'tcp.example',
    type: 'A',
    from,
    gives: 'TC, over TCP 198.51.100.1'
  },
  { it: 'an address', name: 'q.x.example', type: 'A', from, gives: 'NXDOMAIN' },
  { it: 'a longer prefix', name: 'q.y.example', type: 'A', from, gives: '192.0.2.9' },
  { it: 'an address without records', name: 'q.z.example', type: 'A', from, gives: 'no records' },
  {
    it: 'a client, before names',
    name: 'gone.example',
    type: 'A',
    from: CLIENT,
    gives: 'CNAME moved.example, CNAME c.b.c.example, 192.0.2.2',
    but: {
      BIND: 'CNAME moved.example, 198.51.100.1',
      unbound: 'CNAME moved.example, no records'
    }
  }
]
