import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { folder, freePort, Running } from './processes.js'

/** A resolver that validates, and asks Interdict for everything. */
export interface Validator {
  readonly port: number
  readonly program: Running
}

/**
 * @param anchors DNSKEY records that it trusts
 * @param more lines for its section `server`
 */
export async function unboundBehind(
  t: Test,
  interdict: number,
  anchors: readonly string[],
  more = ''
): Promise<Validator> {
  return await unbound(
    t,
    `${more}  module-config: "validator iterator"
${anchors.map(anchor => `  trust-anchor: "${anchor}"`).join('\n')}
forward-zone:
  name: "."
  forward-addr: 127.0.0.1@${interdict}
`
  )
}

/** Unbound that has a zone from a file, for Interdict to ask. */
export async function unboundWith(t: Test, zone: string, file: string): Promise<Validator> {
  return await unbound(
    t,
    `  module-config: "iterator"
auth-zone:
  name: "${zone}"
  zonefile: "${file}"
  for-downstream: yes
  for-upstream: no
`
  )
}

async function unbound(t: Test, more: string): Promise<Validator> {
  const dir = folder(t)
  const port = await freePort()
  writeFileSync(
    join(dir, 'unbound.conf'),
    `server:
  interface: 127.0.0.1@${port}
  port: ${port}
  username: ""
  chroot: ""
  directory: "${dir}"
  pidfile: "${join(dir, 'unbound.pid')}"
  use-syslog: no
  do-not-query-localhost: no
  do-ip6: no
${more}
remote-control:
  control-enable: no
`
  )
  const program = new Running(t, '/usr/sbin/unbound', ['-d', '-c', join(dir, 'unbound.conf')])
  return { port, program }
}

export async function bindBehind(
  t: Test,
  interdict: number,
  anchors: readonly string[],
  more = ''
): Promise<Validator> {
  return await bind(
    t,
    `dnssec-validation yes; recursion yes; forward only; ${more}
  forwarders port ${interdict} { 127.0.0.1; };`,
    `trust-anchors {\n${anchors.map(staticKey).join('\n')}\n};`
  )
}

/** BIND that has zones from files, for Interdict to ask. */
export async function bindWith(
  t: Test,
  zones: Readonly<Record<string, string>>
): Promise<Validator> {
  const parts = Object.entries(zones).map(
    ([name, file]) => `zone "${name}" { type primary; file "${file}"; check-names ignore; };`
  )
  return await bind(t, 'recursion no;', parts.join('\n'))
}

async function bind(t: Test, options: string, more: string): Promise<Validator> {
  const dir = folder(t)
  const port = await freePort()
  writeFileSync(
    join(dir, 'named.conf'),
    `options {
  directory "${dir}"; pid-file "${join(dir, 'named.pid')}";
  session-keyfile "${join(dir, 'session.key')}"; managed-keys-directory "${dir}";
  listen-on port ${port} { 127.0.0.1; }; listen-on-v6 { none; };
  ${options}
};
controls { };
${more}
`
  )
  const program = new Running(t, '/usr/sbin/named', ['-g', '-c', join(dir, 'named.conf')])
  return { port, program }
}

/** A DNSKEY record in words that BIND wants. */
function staticKey(record: string): string {
  const [zone, , , flags, protocol, algorithm, ...key] = record.split(/\s+/)
  return `  ${zone} static-key ${flags} ${protocol} ${algorithm} "${key.join('')}";`
}

/** What a resolver with a response policy zone takes: the zone's name, its file, whom to ask. */
export interface PolicyZone {
  readonly name: string
  readonly file: string
  readonly upstream: number
}

export async function bindWithPolicy(
  t: Test,
  { name, file, upstream }: PolicyZone
): Promise<Validator> {
  return await bind(
    t,
    `dnssec-validation no; recursion yes; allow-recursion { any; }; forward only;
  forwarders port ${upstream} { 127.0.0.1; };
  response-policy { zone "${name}"; } qname-wait-recurse no nsip-enable no nsdname-enable no;`,
    `zone "${name}" { type primary; file "${file}"; check-names ignore; };`
  )
}

export async function unboundWithPolicy(
  t: Test,
  { name, file, upstream }: PolicyZone
): Promise<Validator> {
  return await unbound(
    t,
    `  module-config: "respip iterator"
  access-control: 127.0.0.0/8 allow
rpz:
  name: "${name}"
  zonefile: "${file}"
forward-zone:
  name: "."
  forward-addr: 127.0.0.1@${upstream}
`
  )
}
