import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { answers, folder, freePort, serveZones, type Running } from './processes.js'

/** One signed zone, one whose signatures do not fit its records any more. */
const ZONES = ['signed.example', 'broken.example'] as const

export interface Signed {
  readonly port: number
  /** DNSKEY records, for validators to trust. */
  readonly anchors: readonly string[]
  readonly nsd: Running
}

/** NSD with zones that are signed with keys made here. */
export async function startSigned(t: Test): Promise<Signed> {
  const dir = folder(t)
  const port = await freePort()
  const anchors = ZONES.map(zone => sign(dir, zone))
  const broken = join(dir, 'broken.example.signed')
  writeFileSync(broken, readFileSync(broken, 'utf8').replace('192.0.2.20', '192.0.2.66'))
  const files = ZONES.map(zone => [zone, join(dir, `${zone}.signed`)])
  const nsd = serveZones(t, port, dir, Object.fromEntries(files) as Record<string, string>)
  await answers('NSD', port, 'www.signed.example', '192.0.2.20')
  return { port, anchors, nsd }
}

/** Signs a zone with one key; returns its DNSKEY record in one line. */
function sign(dir: string, zone: string): string {
  writeFileSync(join(dir, zone), zoneText(zone))
  const ldns = (program: string, ...args: string[]): string =>
    execFileSync(program, args, { cwd: dir, encoding: 'utf8' }).trim()
  const key = ldns('ldns-keygen', '-a', 'ECDSAP256SHA256', '-k', zone)
  ldns('ldns-signzone', '-o', zone, '-f', `${zone}.signed`, zone, key)
  return readFileSync(join(dir, `${key}.key`), 'utf8')
    .split(';')[0]!
    .trim()
    .replaceAll('\t', ' ')
}

const zoneText = (zone: string): string => `$ORIGIN ${zone}.
$TTL 300
@ IN SOA ns.${zone}. hostmaster.${zone}. 1 3600 600 86400 60
@ IN NS ns.${zone}.
ns IN A 127.0.0.1
www IN A 192.0.2.20
www IN HTTPS 1 . alpn=h2
clip IN A 192.0.2.21
alias IN CNAME www
*.wild IN TXT "found by a wildcard"
${Array.from({ length: 30 }, (_, i) => `big IN TXT "record ${i} ${'x'.repeat(90)}"`).join('\n')}
`
