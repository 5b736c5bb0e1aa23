/**
 * Names that are banned with an alias, resolved by what applications use: glibc, musl, Node and curl.
 * Runs itself in a network namespace of its own, where the resolver is 127.0.0.1, port 53.
 */
import { execFile, execFileSync, spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t from 'tap'
import { install } from '../../tools/install.js'
import { folder, site, startInterdict, startNsd } from './processes.js'

const INSIDE = 'INTERDICT_INTEROP_NAMESPACE'
const NSD_PORT = 5300
/** Of garden.example in the zones, where the page is served. */
const GARDEN = '127.0.0.1'
const PAGE = 'blocked by policy'
const run = promisify(execFile)

if (process.env[INSIDE] === undefined) {
  install('nsd', 'dig', 'curl', 'musl-gcc', 'ip')
  const own = process.getuid?.() === 0 ? [] : ['--map-root-user']
  const args = ['--net', '--mount', ...own, process.execPath, fileURLToPath(import.meta.url)]
  const env = { ...process.env, [INSIDE]: '1' }
  process.exit(spawnSync('unshare', args, { stdio: 'inherit', env }).status ?? 1)
}

const BANNED = `
networks:
  phones:
    prefixes: [127.0.0.0/8]
    bans:
      - { apps: [tiktok], authority: A, reference: R, action: cname, target: garden.example }
      - { names: [zoned.example], authority: A, reference: R, action: cname, target: clean.example }
`

const SETTINGS = `
listen: ['127.0.0.1:53']
workers: 2
rules: rules
upstreams: { servers: ['127.0.0.1:${NSD_PORT}'] }
log: { queries: { file: queries.jsonl } }
`

/** getaddrinfo of musl, which never follows an alias itself. */
const LOOKUP = `
#include <stdio.h>
#include <netdb.h>
#include <arpa/inet.h>
#include <sys/socket.h>
int main(int argc, char **argv) {
  struct addrinfo want = { .ai_family = AF_INET, .ai_socktype = SOCK_STREAM }, *found;
  char text[64];
  if (argc != 2 || getaddrinfo(argv[1], 0, &want, &found) != 0) return 2;
  struct sockaddr_in *address = (struct sockaddr_in *)found->ai_addr;
  puts(inet_ntop(AF_INET, &address->sin_addr, text, sizeof text));
  return 0;
}
`

t.setTimeout(120_000)

t.test('glibc, musl, Node and curl get to the target of a cname ban', async t => {
  const dir = folder(t)
  const put = (name: string, text: string): string => {
    writeFileSync(join(dir, name), text)
    return join(dir, name)
  }
  execFileSync('ip', ['link', 'set', 'lo', 'up'])
  // getaddrinfo leaves out addresses of families that no interface has (AI_ADDRCONFIG).
  execFileSync('ip', ['address', 'add', '192.0.2.1/24', 'dev', 'lo'])
  const resolver = put('resolv.conf', 'nameserver 127.0.0.1\n')
  execFileSync('mount', ['--bind', resolver, '/etc/resolv.conf'])
  execFileSync('musl-gcc', ['-static', '-o', join(dir, 'lookup'), put('lookup.c', LOOKUP)])
  await startNsd(t, NSD_PORT)
  await startInterdict(t, { ...(await site(t, SETTINGS, BANNED)), port: 53 })
  const server = createServer((_, response) => response.end(PAGE)).listen(80, GARDEN)
  t.teardown(() => server.close())

  const said = async (command: string, ...args: string[]): Promise<string> => {
    const { stdout } = await run(command, args).catch(
      (error: unknown) => error as { stdout: string }
    )
    return stdout.trim()
  }
  const node = (code: string): Promise<string> =>
    said(process.execPath, '-e', `require('node:dns').promises.${code}.then(console.log)`)

  for (const round of ['first', 'cached']) {
    const name = 'www.tiktok.com'
    t.match(
      await said('getent', 'hosts', name),
      /^127\.0\.0\.1\s+garden\.example/,
      `hosts, ${round}`
    )
    t.match(await said('getent', 'ahosts', name), /^127\.0\.0\.1\s+STREAM/, `ahosts, ${round}`)
    t.equal(await said(join(dir, 'lookup'), name), GARDEN, `musl, ${round}`)
    t.match(await node(`lookup('${name}')`), /127\.0\.0\.1/, `Node, getaddrinfo, ${round}`)
    t.match(await node(`resolve4('${name}')`), /127\.0\.0\.1/, `Node, c-ares, ${round}`)
    t.equal(await said('curl', '-s', `http://${name}/`), PAGE, `curl, ${round}`)
  }
  // The target is an alias itself, in its own zone.
  t.match(await said('getent', 'ahosts', 'zoned.example'), /^192\.0\.2\.10\s+STREAM\s+www\.example/)
})
