/**
 * The packages, built and installed. Run by `npm run test:packages`, as root on Debian, where it installs what
 * it needs. What it asserts is in `proof.ts`.
 */
import { fileURLToPath } from 'node:url'
import { install } from '../../tools/package/install.js'
import { enclose } from '../container/enclosure.js'

install({
  rpmbuild: 'rpm',
  lintian: 'lintian',
  minisign: 'minisign',
  '/usr/lib/systemd/systemd': 'systemd',
  '/usr/bin/dbus-daemon': 'dbus',
  dig: 'bind9-dnsutils',
  dnsperf: 'dnsperf',
  curl: 'curl',
  prometheus: 'prometheus',
  ip: 'iproute2',
  unshare: 'util-linux'
})
process.exitCode = await enclose(fileURLToPath(new URL('proof.js', import.meta.url)))
