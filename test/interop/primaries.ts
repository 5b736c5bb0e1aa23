import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { folder, freePort, Running } from './processes.js'

/** The key that a primary and Interdict share. */
export interface SharedKey {
  readonly name: string
  readonly algorithm: 'hmac-sha256' | 'hmac-sha512'
  /** Base64. */
  readonly secret: string
}

/** A primary with one zone, which it tells Interdict of. */
export interface Primary {
  readonly port: number
  readonly program: Running
  /** The zone has this text from now on. */
  change(text: string): void
}

interface Wanted {
  readonly zone: string
  readonly text: string
  readonly key: SharedKey
  /** Where Interdict listens. */
  readonly secondary: number
}

type Start = (t: Test, wanted: Wanted) => Promise<Primary>

/** What a primary is started with: a folder with its zone, and a port. */
async function place(t: Test, { text }: Wanted) {
  const dir = folder(t)
  const port = await freePort()
  const file = join(dir, 'rpz.zone')
  writeFileSync(file, text)
  return { dir, port, file }
}

/** BIND makes differences of a zone file that it reads again. */
export const startBind: Start = async (t, wanted) => {
  const { dir, port, file } = await place(t, wanted)
  const { zone, key, secondary } = wanted
  writeFileSync(
    join(dir, 'named.conf'),
    `options {
  directory "${dir}"; pid-file "${join(dir, 'named.pid')}";
  session-keyfile "${join(dir, 'session.key')}"; managed-keys-directory "${dir}";
  listen-on port ${port} { 127.0.0.1; }; listen-on-v6 { none; };
  recursion no; notify-delay 0;
};
controls { };
key "${key.name}" { algorithm ${key.algorithm}; secret "${key.secret}"; };
zone "${zone}" {
  type primary; file "${file}"; check-names ignore; ixfr-from-differences yes;
  allow-transfer { key "${key.name}"; };
  notify explicit; also-notify port ${secondary} { 127.0.0.1 key "${key.name}"; };
};
`
  )
  const program = new Running(t, '/usr/sbin/named', ['-g', '-c', join(dir, 'named.conf')])
  await program.says('running')
  return { port, program, change: text => reload(program, file, text) }
}

export const startNsdPrimary: Start = async (t, wanted) => {
  const { dir, port, file } = await place(t, wanted)
  const { zone, key, secondary } = wanted
  writeFileSync(
    join(dir, 'nsd.conf'),
    `server:
  ip-address: 127.0.0.1@${port}
  username: ""
  zonesdir: "${dir}"
  database: ""
  pidfile: "${join(dir, 'nsd.pid')}"
  xfrdfile: "${join(dir, 'xfrd.state')}"
  zonelistfile: "${join(dir, 'zone.list')}"
  xfrdir: "${dir}"
remote-control:
  control-enable: no
key:
  name: "${key.name}"
  algorithm: ${key.algorithm}
  secret: "${key.secret}"
zone:
  name: "${zone}"
  zonefile: "${file}"
  provide-xfr: 127.0.0.1 ${key.name}
  notify: 127.0.0.1@${secondary} ${key.name}
  store-ixfr: yes
  create-ixfr: yes
`
  )
  const program = new Running(t, '/usr/sbin/nsd', ['-d', '-c', join(dir, 'nsd.conf')])
  await program.says('nsd started')
  return { port, program, change: text => reload(program, file, text) }
}

export const startKnot: Start = async (t, wanted) => {
  const { dir, port, file } = await place(t, wanted)
  const { zone, key, secondary } = wanted
  mkdirSync(join(dir, 'run'))
  writeFileSync(
    join(dir, 'knot.conf'),
    `server:
    rundir: ${join(dir, 'run')}
    listen: 127.0.0.1@${port}
log:
  - target: stderr
    any: info
database:
    storage: ${dir}
key:
  - id: ${key.name}
    algorithm: ${key.algorithm}
    secret: ${key.secret}
remote:
  - id: interdict
    address: 127.0.0.1@${secondary}
    key: ${key.name}
acl:
  - id: transfer
    key: ${key.name}
    action: transfer
zone:
  - domain: ${zone}
    file: ${file}
    zonefile-load: difference
    zonefile-sync: -1
    notify: interdict
    acl: transfer
`
  )
  const program = new Running(t, '/usr/sbin/knotd', ['-c', join(dir, 'knot.conf')])
  await program.says('server started')
  return { port, program, change: text => reload(program, file, text) }
}

function reload(program: Running, file: string, text: string): void {
  writeFileSync(file, text)
  program.signal('SIGHUP')
}
