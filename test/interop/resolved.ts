import { execFile } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import type { Test } from 'tap'
import { PROGRAM } from '../cli/run.js'
import { folder } from './processes.js'

const run = promisify(execFile)

/** In milliseconds. */
const TIMEOUT = 120_000
const INSTALLED = '/usr/lib/systemd'
/** It drops root for this user, which its package would add. */
const USER = 'systemd-resolve'

/**
 * The package would make itself the resolver of this machine, so its files are only unpacked: nothing of it is
 * installed.
 */
const UNPACK = `
cd "$0"
fetch() { apt-get download -q systemd-resolved libsystemd-shared; }
fetch || { apt-get update -q && fetch; }
for package in *.deb; do dpkg -x "$package" .; done
`

/**
 * In namespaces of its own: a network with one routable address, without which systemd-resolved asks nobody, a
 * /run and an /etc/passwd.
 */
const SCRIPT = `
cd "$0"
ip link set lo up
ip link add inside type veth peer name outside
ip addr add 198.51.100.1/24 dev inside
ip link set inside up
ip link set outside up
mount --bind passwd /etc/passwd
mount -t tmpfs tmpfs /run
mkdir -p /run/systemd/resolved.conf.d
cp resolved.conf /run/systemd/resolved.conf.d/test.conf
# Readable without root.
install -m 644 "$CA" /run/ca.pem
"$NODE" "$PROGRAM" serve -c interdict.yaml >interdict.log 2>&1 &
ask() { dig "$1" +time=1 +tries=1 "$2"; }
await() { # await SERVER: until it has the address
  tries=0
  until ask "$1" found.example | grep -q '192.0.2.7$'; do
    tries=$((tries + 1))
    if [ "$tries" -ge 60 ]; then cat interdict.log resolved.log; exit 1; fi
    sleep 0.2
  done
}
await @127.0.0.1
SSL_CERT_FILE=/run/ca.pem "$RESOLVED/systemd-resolved" >resolved.log 2>&1 &
await @127.0.0.53
ask @127.0.0.53 banned.example
tries=0
until grep -q banned.example queries.jsonl || [ "$tries" -ge 50 ]; do
  tries=$((tries + 1))
  sleep 0.2
done
cat queries.jsonl
`

/**
 * systemd-resolved with DNSOverTLS=yes, which asks a gateway with these settings on port 853 of loopback for
 * `found.example`, until it gets 192.0.2.7, and then for `banned.example`.
 *
 * @param dir of the gateway, with interdict.yaml
 * @returns what dig prints, and the query log
 */
export async function resolvedForwarding(t: Test, dir: string, ca: string): Promise<string> {
  const write = (file: string, text: string): void => writeFileSync(join(dir, file), text)
  write(
    'resolved.conf',
    `[Resolve]
DNS=127.0.0.1#dns.example
DNSOverTLS=yes
DNSSEC=no
LLMNR=no
MulticastDNS=no
FallbackDNS=
Domains=~.
`
  )
  const users = readFileSync('/etc/passwd', 'utf8')
  const more = users.includes(`${USER}:`) ? '' : `${USER}:x:65533:65534::/:/usr/sbin/nologin\n`
  write('passwd', users + more)
  const place = await placeOf(t)
  const namespaces = ['--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc']
  const { stdout } = await run('unshare', [...namespaces, 'sh', '-ec', SCRIPT, dir], {
    timeout: TIMEOUT,
    env: {
      ...process.env,
      NODE: process.execPath,
      PROGRAM: resolve(PROGRAM),
      CA: ca,
      RESOLVED: place,
      // The shared library of its own version.
      LD_LIBRARY_PATH: `${place}/../x86_64-linux-gnu/systemd:${place}/../aarch64-linux-gnu/systemd`
    }
  })
  return stdout
}

/** The folder of the program. */
async function placeOf(t: Test): Promise<string> {
  if (existsSync(join(INSTALLED, 'systemd-resolved'))) return INSTALLED
  const unpacked = folder(t)
  await run('sh', ['-ec', UNPACK, unpacked], { timeout: TIMEOUT })
  return join(unpacked, 'usr/lib/systemd')
}
