/**
 * Connections of a client through a gateway to servers, in three network namespaces with the kernel's connection tracking: those
 * that answers led to are no findings, one to another resolver is. The helper has CAP_NET_ADMIN alone.
 */
import { execFile } from 'node:child_process'
import { chmodSync, chownSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { parseFindingLine, type EgressFinding } from '../../src/lookups/egress/egress-finding.js'
import { install } from '../../tools/install.js'
import { PROGRAM } from '../cli/run.js'
import { eventually, folder, interdict, Running, textOf } from './processes.js'

install('ip', 'nft', 'conntrack', 'dig', 'python3')
t.setTimeout(120_000)

const run = promisify(execFile)
const NOBODY = 65_534
/** Ordinary connections of the client. */
const ORDINARY = 300
/** In seconds. */
const FOUND_WITHIN = 10
const CLIENT = '10.77.0.9'
const SERVER = '198.18.0.80'
const RESOLVER = '198.18.0.53'

const RULES = `networks:
  phones:
    prefixes: [10.77.0.0/24]
    egress: observe
    records: [{ name: www.example, a: ${SERVER} }]
`

const nameOf = (machine: string): string => `observe-${process.pid}-${machine}`
const on = (machine: string, ...words: string[]): string[] => [
  'netns',
  'exec',
  nameOf(machine),
  ...words
]
const ip = (...words: string[]) => run('ip', words)

/** Reason to skip: a container without the right cannot do this, and says so. */
async function reasonToSkip(): Promise<string | false> {
  const probe = 'timeout 1 conntrack -E; test $? = 124'
  return run('unshare', ['--net', 'sh', '-c', probe]).then(
    () => false,
    () => 'no network namespaces with connection tracking here: they need root, and nf_conntrack'
  )
}

/** client — gateway — servers */
async function addMachines(t: Test): Promise<void> {
  for (const machine of ['client', 'gateway', 'servers']) {
    await ip('netns', 'add', nameOf(machine))
    t.teardown(() => ip('netns', 'delete', nameOf(machine)))
    await ip(...on(machine, 'ip', 'link', 'set', 'lo', 'up'))
  }
  await link('client', 'inside', `${CLIENT}/24`, '10.77.0.1/24')
  await link('servers', 'outside', `${SERVER}/24`, '198.18.0.1/24')
  await ip(...on('servers', 'ip', 'address', 'add', `${RESOLVER}/24`, 'dev', 'eth0'))
  await ip(...on('client', 'ip', 'route', 'add', 'default', 'via', '10.77.0.1'))
  await ip(...on('servers', 'ip', 'route', 'add', 'default', 'via', '198.18.0.1'))
  await ip(...on('gateway', 'sysctl', '-qw', 'net.ipv4.ip_forward=1'))
  await ip(...on('gateway', 'sysctl', '-qw', 'net.netfilter.nf_conntrack_acct=1'))
  // Connections are tracked only where a rule uses them.
  const table =
    'table inet site { chain f { type filter hook forward priority 0; ct state new counter; }; }'
  await ip(...on('gateway', 'nft', table))
}

/** From `eth0` of a machine to an interface of the gateway. */
async function link(machine: string, at: string, own: string, other: string): Promise<void> {
  const peer = ['peer', 'name', at, 'netns', nameOf('gateway')]
  await ip('link', 'add', 'eth0', 'netns', nameOf(machine), 'type', 'veth', ...peer)
  for (const [of, device, address] of [
    [machine, 'eth0', own],
    ['gateway', at, other]
  ] as const) {
    await ip(...on(of, 'ip', 'address', 'add', address, 'dev', device))
    await ip(...on(of, 'ip', 'link', 'set', device, 'up'))
  }
}

/** Runs Python on a machine. */
const python = (machine: string, code: string) => run('ip', on(machine, 'python3', '-c', code))

const SERVE = `
import socket, threading
def tcp(s):
  while True:
    c, _ = s.accept()
    c.recv(100); c.sendall(b'x' * 1000); c.close()
s = socket.create_server(('${SERVER}', 443), backlog=500)
threading.Thread(target=tcp, args=(s,), daemon=True).start()
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
u.bind(('${RESOLVER}', 53))
print('serving', flush=True)
while True:
  data, peer = u.recvfrom(500)
  u.sendto(data, peer)
`
const CONNECT = `
import socket
for i in range(${ORDINARY}):
  s = socket.create_connection(('${SERVER}', 443), 5)
  s.sendall(b'hello'); s.recv(2000); s.close()
`
const BYPASS = `
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(5)
s.sendto(b'question', ('${RESOLVER}', 53))
s.recv(500)
`

t.test('finds a device with another resolver', { skip: await reasonToSkip() }, async t => {
  await addMachines(t)
  const dir = folder(t)
  chmodSync(dir, 0o755)
  mkdirSync(join(dir, 'helper'))
  const user = ['--reuid', String(NOBODY), '--regid', String(NOBODY), '--clear-groups']
  // Node may be in a folder that is closed to others: then the helper runs as root, with the same one capability.
  const isOpen = await run('setpriv', [...user, 'env', process.execPath, '--version']).then(
    () => true,
    () => false
  )
  if (isOpen) chownSync(join(dir, 'helper'), NOBODY, NOBODY)
  mkdirSync(join(dir, 'rules'))
  writeFileSync(join(dir, 'rules/networks.yaml'), RULES)
  const settings = join(dir, 'interdict.yaml')
  writeFileSync(
    settings,
    [
      'listen: [10.77.0.1:53]',
      'workers: 1',
      'upstreams: { servers: [198.18.0.53] }',
      'rules: rules',
      'state: { folder: state }',
      'admin: { socket: admin.sock }',
      'log: { queries: { file: log/queries.jsonl } }',
      'egress: { connections: helper/socket }'
    ].join('\n')
  )
  const socket = join(dir, 'helper/socket')
  const only = ['--inh-caps', '+net_admin', '--ambient-caps', '+net_admin', '--bounding-set']
  const helper = ['env', '-u', 'NODE_OPTIONS', process.execPath, PROGRAM, 'observe']
  const start = (...words: string[]): Running => new Running(t, 'ip', on('gateway', ...words))
  const servers = new Running(t, 'ip', on('servers', 'python3', '-c', SERVE))
  await servers.says('serving')
  const observing = start(
    ...[
      'setpriv',
      ...(isOpen ? user : []),
      ...only,
      '-all,+net_admin',
      ...helper,
      '--socket',
      socket
    ]
  )
  await observing.says('waiting for the gateway', 30)
  const gateway = start(
    ...['env', '-u', 'NODE_OPTIONS', process.execPath, PROGRAM, 'serve', '-c', settings]
  )
  await gateway.says('connections of clients are observed', 30)

  const dig = ['dig', '+short', '+tries=1', '@10.77.0.1', 'www.example']
  t.equal((await run('ip', on('client', ...dig))).stdout.trim(), SERVER)
  await python('client', CONNECT)
  const begun = Date.now()
  await python('client', BYPASS)
  const findings = (): EgressFinding[] =>
    textOf(join(dir, 'log/egress.jsonl'))
      .split('\n')
      .map(parseFindingLine)
      .flatMap(line => (line?.event === 'finding' ? [line.finding] : []))
  await eventually('a finding', FOUND_WITHIN, () => Promise.resolve(findings().length > 0))
  t.comment(`found within ${((Date.now() - begun) / 1000).toFixed(1)} s`)
  t.match(findings(), [
    {
      ...{ kind: 'resolver', network: 'phones', client: CLIENT, destination: RESOLVER },
      ...{ port: 53, protocol: 'udp', connections: 1 }
    }
  ])
  const { text } = await interdict('report', 'egress', '-c', settings, '--json')
  const { tables } = JSON.parse(text) as { tables: Record<string, unknown[]> }
  t.match(tables['egress-clients'], [{ client: CLIENT, network: 'phones', connections: 1 }])
  t.equal(tables['egress-clients']!.length, 1, 'nothing else')
  const state = await run(
    'ip',
    on('gateway', process.execPath, PROGRAM, 'status', '-c', settings, '--json')
  )
  const { observation } = JSON.parse(state.stdout) as {
    observation: { connections: number; unknown: number; lost: number; counted: boolean }
  }
  t.ok(observation.connections > ORDINARY, `${observation.connections} connections were judged`)
  t.match(observation, { unknown: 0, lost: 0, counted: true })
})
