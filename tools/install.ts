/**
 * Debian packages that `npm run package` and the tests need beside Node. `node tools/install.ts` installs them all, which
 * takes much less time than a test at a time. It imports nothing that must be compiled.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'

/** Programs, and the packages that have them. What is not a program is found by its path, where `*` stands for one folder. */
const PROGRAMS = {
  'apt-ftparchive': 'apt-utils',
  bash: 'bash',
  bird: 'bird2',
  certutil: 'libnss3-tools',
  chromium: 'chromium',
  createrepo_c: 'createrepo-c',
  conntrack: 'conntrack',
  crun: 'crun',
  curl: 'curl',
  debootstrap: 'debootstrap',
  delv: 'bind9-dnsutils',
  dhcpd: 'isc-dhcp-server',
  dig: 'bind9-dnsutils',
  dnf: 'dnf',
  dnsdist: 'dnsdist',
  dnsmasq: 'dnsmasq-base',
  dnsperf: 'dnsperf',
  'dnstap-read': 'bind9-dnsutils',
  'dpkg-deb': 'dpkg',
  drill: 'ldnsutils',
  'firefox-esr': 'firefox-esr',
  fish: 'fish',
  fstrm_capture: 'fstrm-bin',
  getcap: 'libcap2-bin',
  git: 'git',
  gpg: 'gpg',
  groff: 'groff',
  h2load: 'nghttp2-client',
  ip: 'iproute2',
  'kea-dhcp4': 'kea-dhcp4-server',
  'kea-dhcp6': 'kea-dhcp6-server',
  kdig: 'knot-dnsutils',
  keepalived: 'keepalived',
  knotd: 'knot',
  kresd: 'knot-resolver',
  'ldns-signzone': 'ldnsutils',
  lintian: 'lintian',
  man: 'man-db',
  minisign: 'minisign',
  'musl-gcc': 'musl-tools',
  named: 'bind9',
  'nats-server': 'nats-server',
  nft: 'nftables',
  nsd: 'nsd',
  openssl: 'openssl',
  pebble: 'pebble',
  'pebble-challtestsrv': 'pebble',
  podman: 'podman',
  prometheus: 'prometheus',
  promtool: 'prometheus',
  protoc: 'protobuf-compiler',
  python3: 'python3',
  radclient: 'freeradius-utils',
  radvd: 'radvd',
  rpmbuild: 'rpm',
  rpmsign: 'rpm',
  rsyslogd: 'rsyslog',
  script: 'bsdutils',
  tar: 'tar',
  tinyproxy: 'tinyproxy-bin',
  unbound: 'unbound',
  unshare: 'util-linux',
  unzip: 'unzip',
  zbarimg: 'zbar-tools',
  zsh: 'zsh',
  '/usr/bin/dbus-daemon': 'dbus',
  '/usr/bin/python3': 'python3-minimal',
  '/usr/lib/*/rsyslog/lmnsd_gtls.so': 'rsyslog-gnutls',
  '/usr/lib/systemd/systemd': 'systemd',
  '/usr/share/doc/python3-aiosmtpd': 'python3-aiosmtpd'
} as const

export type Program = keyof typeof PROGRAMS

/** What the tests between name servers need. */
export const NAME_SERVERS: readonly Program[] = [
  ...(['dig', 'delv', 'drill', 'kdig', 'dnsperf', 'ldns-signzone'] as const),
  ...(['nsd', 'unbound', 'named', 'knotd'] as const)
]

/** Only one process installs at a time. */
const LOCK = '/run/lock/interdict-install'
/**
 * No daemon starts by itself: the tests start their own, on ports of their own. The lists of packages are
 * updated only if a package is not found, or no longer there: it takes longer than most installations. Files are not
 * synced to disk one by one.
 */
const INSTALL = `
  policy=/usr/sbin/policy-rc.d
  if [ ! -e $policy ]; then
    trap 'rm $policy' EXIT
    printf '#!/bin/sh\\nexit 101\\n' > $policy
    chmod 755 $policy
  fi
  get() { apt-get install -qy --no-install-recommends -o Dpkg::Options::=--force-unsafe-io "$@"; }
  get "$@" 2>/dev/null || { apt-get update -q && get "$@"; }
`

const has = (program: string): boolean => {
  const known = `command -v ${program} || test -x /usr/sbin/${program}`
  return spawnSync('sh', ['-c', program.startsWith('/') ? `ls ${program}` : known]).status === 0
}

/**
 * Installs what is missing, as root on Debian; elsewhere says what to install and ends with 2: a
 * skipped check would look like one that passed.
 */
export function install(...programs: readonly Program[]): void {
  const missing = new Set(programs.filter(program => !has(program)).map(one => PROGRAMS[one]))
  if (missing.size === 0) return
  if (process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) {
    process.stderr.write(`Install these Debian packages first: ${[...missing].join(' ')}\n`)
    process.exit(2)
  }
  execFileSync('flock', [LOCK, 'sh', '-ec', INSTALL, 'install', ...missing], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  })
}

if (process.argv[1] === import.meta.filename) install(...(Object.keys(PROGRAMS) as Program[]))
