/**
 * The repositories of `npm run package -- --repository`, used by apt and dnf. Run by `npm run test:packages`, as root on
 * Debian, where it installs what it needs. What it asserts is in `repository-proof.ts`.
 */
import { fileURLToPath } from 'node:url'
import { install } from '../../tools/install.js'
import { enclose } from '../container/enclosure.js'

install('rpmbuild', 'rpmsign', 'gpg', 'apt-ftparchive', 'createrepo_c', 'dnf')
install('/usr/lib/systemd/systemd', '/usr/bin/dbus-daemon', 'ip', 'unshare')
process.exitCode = await enclose(fileURLToPath(new URL('repository-proof.js', import.meta.url)))
