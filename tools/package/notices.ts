import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { lockedPackages } from './runtime.js'

/** The copyright file, as Debian wants it. */
export function copyright(): string {
  const parts = included().map(({ path, version, license }) => {
    return `  ${nameOf(path)} ${version} (${license ?? 'see NOTICES'})`
  })
  return `Interdict\n\n${readFileSync('LICENSE', 'utf8').trim()}

This package includes Node.js, whose licences are in LICENSE.node beside this file, and parts of these
packages of the npm registry, whose licences are in NOTICES. On Debian, the Apache License is also in
/usr/share/common-licenses/Apache-2.0.

${parts.join('\n')}
`
}

/** The licences of the packages that are included, in full. */
export function notices(): string {
  const parts = included().map(({ path, version }) => {
    return `${rule}\n${nameOf(path)} ${version}\n\n${licenceText(path)}\n`
  })
  return parts.join('\n')
}

/** Short names of all licences, in the syntax of SPDX. */
export function licences(): string {
  const names = included().map(({ license }) => license ?? 'MIT')
  return [...new Set(['MIT', ...names])].join(' AND ')
}

function included() {
  // Those for other platforms have the same licence as that of this one.
  return lockedPackages().filter(({ os }) => os === undefined)
}

const nameOf = (path: string): string => path.replace(/^.*node_modules\//, '')

const rule = '-'.repeat(78)

/** As the package has it. */
function licenceText(folder: string): string {
  const files = readdirSync(folder, { withFileTypes: true })
    .filter(entry => entry.isFile() && /^(licen[cs]e|notice|copying)/i.test(entry.name))
    .map(entry => entry.name)
    .sort()
  return files.map(file => readFileSync(join(folder, file), 'utf8').trim()).join('\n\n')
}
