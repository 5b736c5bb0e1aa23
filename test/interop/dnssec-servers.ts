import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Test } from 'tap'
import { PARENT, type SignedZones } from './dnssec-zones.js'
import { dig, eventually, freePort, Running } from './processes.js'

const run = promisify(execFile)

export type Verdict = 'secure' | 'insecure' | 'bogus'

/** BIND with all zones, from the root down, as one recursive resolver would have them. Returns its port. */
export async function serveSignedZones(t: Test, dir: string, zones: SignedZones): Promise<number> {
  const port = await freePort()
  const zoneClauses = Object.entries(zones.files).map(
    ([zone, file]) => `zone "${zone === '' ? '.' : zone}" { type primary; file "${file}"; };`
  )
  writeFileSync(
    join(dir, 'named.conf'),
    `options {
  directory "${dir}"; pid-file "${join(dir, 'named.pid')}"; session-keyfile "${join(dir, 'session.key')}";
  listen-on port ${port} { 127.0.0.1; }; listen-on-v6 { none; };
  recursion yes; allow-recursion { any; }; dnssec-validation no; minimal-responses no; check-names primary ignore;
  max-udp-size 4096;
};
controls { };
${zoneClauses.join('\n')}
`
  )
  const named = new Running(t, '/usr/sbin/named', ['-g', '-c', join(dir, 'named.conf')])
  await eventually('named', 120, async () => {
    const text = await dig(['@127.0.0.1', '-p', String(port), '.', 'SOA', '+norec'])
    return text.includes(`ns.${PARENT}.`)
  }).catch(() => {
    throw new Error(`named does not answer:\n${named.output.slice(-2000)}`)
  })
  const [bad] = /^.*not loaded due to errors.*$/m.exec(named.output) ?? []
  if (bad !== undefined) throw new Error(bad)
  return port
}

/** delv, which validates by itself. @param anchor DNSKEY of the root */
export function delvWith(dir: string, port: number, anchor: string) {
  const [, flags, protocol, algorithm, ...key] = /DNSKEY (\d+) (\d+) (\d+) (.*)$/.exec(anchor)!
  const file = join(dir, 'anchors.conf')
  const value = key.join('').replaceAll(' ', '')
  writeFileSync(
    file,
    `trust-anchors { . static-key ${flags} ${protocol} ${algorithm} "${value}"; };\n`
  )
  const fixed = ['@127.0.0.1', '-p', String(port), '-a', file, '+root=.', '+multiline']
  return async (name: string, type: string): Promise<Verdict> => {
    const { stdout, stderr } = await run('delv', [...fixed, name, type]).catch((error: unknown) => {
      return error as { readonly stdout: string; readonly stderr: string }
    })
    const text = stdout + stderr
    if (text.includes('unsigned answer') || text.includes('negative response, unsigned'))
      return 'insecure'
    return text.includes('fully validated') ? 'secure' : 'bogus'
  }
}
