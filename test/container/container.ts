/**
 * The Dockerfile, built and run by a real container engine. Run by `npm run test:container`, as root
 * on Debian, where it installs what it needs. What it asserts is in `proof.ts`.
 */
import { fileURLToPath } from 'node:url'
import { install } from '../../tools/install.js'
import { enclose } from './enclosure.js'

install('podman', 'crun', 'debootstrap', 'getcap', 'dig', 'unshare')
process.exitCode = await enclose(fileURLToPath(new URL('proof.js', import.meta.url)))
