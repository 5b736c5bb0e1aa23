import { renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { makeCertificate } from '../tls/certificates.js'
import { freePort, site, startInterdict, startNsd, type Site } from './processes.js'

const NETWORKS = `networks:
  all:
    prefixes: [127.0.0.0/8]
    bans: [{ names: [banned.example], authority: A, reference: R }]
`

export interface EncryptedSite extends Site {
  /** Of the encrypted listener. */
  readonly encrypted: number
}

/** Starts a gateway with an encrypted listener and a ban of `banned.example`, with NSD as its upstream. */
export async function serveEncrypted(t: Test, protocol: 'dot' | 'doh'): Promise<EncryptedSite> {
  const upstream = await freePort()
  await startNsd(t, upstream)
  const encrypted = await freePort()
  const settings = `listen:
  - 127.0.0.1:PORT
  - { address: 127.0.0.1:${encrypted}, protocol: ${protocol}, certificate: cert.pem, key: key.pem }
workers: 2
upstreams: { servers: ['127.0.0.1:${upstream}'] }
log: { queries: { file: queries.jsonl, which: all } }
`
  const at = await site(t, settings, NETWORKS)
  certify(at, 'dns.example')
  await startInterdict(t, at)
  return { ...at, encrypted }
}

/** Writes a certificate and its key over the present ones, as certbot does. */
export function certify({ dir }: Site, name: string): void {
  const { certificate, key } = makeCertificate({ names: [name, '127.0.0.1'] })
  for (const [file, text] of [
    ['cert.pem', certificate],
    ['key.pem', key]
  ] as const) {
    writeFileSync(join(dir, `${file}.new`), text, { mode: 0o600 })
    renameSync(join(dir, `${file}.new`), join(dir, file))
  }
}
