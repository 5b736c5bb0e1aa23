/**
 * The packages, built and installed. Run by `npm run test:packages`, as root on Debian, where it installs what
 * it needs. What it asserts is in `proof.ts`.
 */
import { fileURLToPath } from 'node:url'
import { install } from '../../tools/install.js'
import { enclose } from '../container/enclosure.js'

install(
  'rpmbuild',
  'lintian',
  'minisign',
  '/usr/lib/systemd/systemd',
  '/usr/bin/dbus-daemon',
  'dig',
  'dnsperf',
  'curl',
  'prometheus',
  'ip',
  'unshare'
)
process.exitCode = await enclose(fileURLToPath(new URL('proof.js', import.meta.url)))
