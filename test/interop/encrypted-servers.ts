import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { makeCertificate } from '../tls/certificates.js'
import { answers, folder, freePort, Running } from './processes.js'

/** Certificates in files: those of the authority and of a server called dns.example. */
export interface Certificates {
  readonly ca: string
  readonly certificate: string
  readonly key: string
}

export function certify(t: Test): Certificates {
  const dir = folder(t)
  const authority = makeCertificate({ names: [], subject: 'authority' })
  // Firefox accepts no authority as a server.
  const server = makeCertificate({ issuer: authority, isAuthority: false, usage: ['serverAuth'] })
  const write = (file: string, text: string): string => {
    writeFileSync(join(dir, file), text, { mode: 0o600 })
    return join(dir, file)
  }
  return {
    ca: write('ca.pem', authority.certificate),
    certificate: write('cert.pem', server.certificate),
    key: write('key.pem', server.key)
  }
}

/** A resolver that answers over TLS and HTTPS from a name server on loopback. */
export interface EncryptedServer {
  readonly name: string
  readonly dot: number
  readonly doh: number
}

interface Ports {
  readonly dns: number
  readonly dot: number
  readonly doh: number
}

type Start = (
  t: Test,
  ports: Ports,
  nameServer: number,
  certificates: Certificates,
  dir: string
) => Running

const STARTS: Readonly<Record<string, Start>> = {
  unbound: (t, { dns, dot, doh }, nameServer, { certificate, key }, dir) => {
    const config = `server:
  interface: 127.0.0.1@${dns}
  interface: 127.0.0.1@${dot}
  interface: 127.0.0.1@${doh}
  port: ${dns}
  tls-port: ${dot}
  https-port: ${doh}
  tls-service-pem: "${certificate}"
  tls-service-key: "${key}"
  ${UNBOUND}
stub-zone:
  name: "example"
  stub-addr: 127.0.0.1@${nameServer}
remote-control:
  control-enable: no
`
    return new Running(t, 'unbound', ['-d', '-c', write(dir, 'unbound.conf', config)])
  },
  dnsdist: (t, { dns, dot, doh }, nameServer, { certificate, key }, dir) => {
    const config = `setLocal('127.0.0.1:${dns}')
addTLSLocal('127.0.0.1:${dot}', '${certificate}', '${key}')
addDOHLocal('127.0.0.1:${doh}', '${certificate}', '${key}', '/dns-query')
newServer({ address = '127.0.0.1:${nameServer}', healthCheckMode = 'up' })
setSecurityPollSuffix('')
`
    const file = write(dir, 'dnsdist.conf', config)
    return new Running(t, 'dnsdist', ['--supervised', '--disable-syslog', '-C', file])
  },
  kresd: (t, { dns, dot, doh }, nameServer, { certificate, key }, dir) =>
    kresd(
      t,
      dir,
      `net.listen('127.0.0.1', ${dns}, { kind = 'dns' })
net.listen('127.0.0.1', ${dot}, { kind = 'tls' })
net.listen('127.0.0.1', ${doh}, { kind = 'doh2' })
net.tls('${certificate}', '${key}')
policy.add(policy.all(policy.STUB('127.0.0.1@${nameServer}')))
`
    )
}

const UNBOUND = `do-daemonize: no
  use-syslog: no
  chroot: ""
  username: ""
  pidfile: ""
  do-ip6: no
  do-not-query-localhost: no
  module-config: "iterator"`

export const SERVERS = Object.keys(STARTS)

/** Starts a server, whose zone `example` comes from a name server; resolves when it answers. */
export async function startEncrypted(
  t: Test,
  name: string,
  nameServer: number,
  certificates: Certificates
): Promise<EncryptedServer> {
  const ports = { dns: await freePort(), dot: await freePort(), doh: await freePort() }
  const program = STARTS[name]!(t, ports, nameServer, certificates, folder(t))
  await answered(name, ports.dns, program)
  return { name, dot: ports.dot, doh: ports.doh }
}

/** Unbound that forwards everything over TLS to a server called dns.example; resolves when it answers. */
export async function unboundForwarding(
  t: Test,
  to: number,
  { ca }: Certificates
): Promise<number> {
  const port = await freePort()
  const config = `server:
  interface: 127.0.0.1@${port}
  port: ${port}
  tls-cert-bundle: "${ca}"
  ${UNBOUND}
forward-zone:
  name: "."
  forward-tls-upstream: yes
  forward-addr: 127.0.0.1@${to}#dns.example
remote-control:
  control-enable: no
`
  const program = new Running(t, 'unbound', ['-d', '-c', write(folder(t), 'unbound.conf', config)])
  await answered('unbound', port, program)
  return port
}

/** The same with Knot Resolver. */
export async function kresdForwarding(t: Test, to: number, { ca }: Certificates): Promise<number> {
  const port = await freePort()
  const program = kresd(
    t,
    folder(t),
    `net.listen('127.0.0.1', ${port}, { kind = 'dns' })
policy.add(policy.all(policy.TLS_FORWARD({{ '127.0.0.1@${to}', hostname = 'dns.example', ca_file = '${ca}' }})))
`
  )
  await answered('kresd', port, program)
  return port
}

/** The same with BIND. */
export async function bindForwarding(t: Test, to: number, { ca }: Certificates): Promise<number> {
  const port = await freePort()
  const dir = folder(t)
  const config = `tls interdict { ca-file "${ca}"; remote-hostname "dns.example"; };
options {
  directory "${dir}";
  pid-file none;
  session-keyfile none;
  listen-on port ${port} { 127.0.0.1; };
  listen-on-v6 { none; };
  dnssec-validation no;
  forward only;
  forwarders { 127.0.0.1 port ${to} tls interdict; };
};
controls { };
`
  const args = ['-g', '-n', '1', '-c', write(dir, 'named.conf', config)]
  await answered('named', port, new Running(t, 'named', args))
  return port
}

/** The same with dnsdist, over TLS or, with a path, HTTPS. */
export async function dnsdistForwarding(
  t: Test,
  to: number,
  { ca }: Certificates,
  path = ''
): Promise<number> {
  const port = await freePort()
  const server = `address = '127.0.0.1:${to}', tls = 'openssl', caStore = '${ca}', subjectName = 'dns.example'`
  const over = path === '' ? '' : `, dohPath = '${path}'`
  const config = `setLocal('127.0.0.1:${port}')
newServer({ ${server}${over}, healthCheckMode = 'up' })
setSecurityPollSuffix('')
`
  const args = ['--supervised', '--disable-syslog', '-C', write(folder(t), 'dnsdist.conf', config)]
  await answered('dnsdist', port, new Running(t, 'dnsdist', args))
  return port
}

/** Knot Resolver without DNSSEC and without its control socket. */
function kresd(t: Test, dir: string, config: string): Running {
  const file = write(
    dir,
    'kresd.conf',
    `${config}trust_anchors.remove('.')
cache.size = 10 * MB
`
  )
  return new Running(t, 'kresd', ['-n', '-c', file, dir])
}

async function answered(name: string, port: number, program: Running): Promise<void> {
  await answers(name, port, 'www.example', '192.0.2.10').catch((error: unknown) => {
    throw new Error(`${(error as Error).message}:\n${program.output}`)
  })
}

function write(dir: string, file: string, text: string): string {
  writeFileSync(join(dir, file), text)
  return join(dir, file)
}
