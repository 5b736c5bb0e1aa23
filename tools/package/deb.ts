import { createHash } from 'node:crypto'
import { chmodSync, copyFileSync, lstatSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { DESCRIPTION, SUMMARY, type PackageInfo, type PackageName } from './info.js'
import { ARCHITECTURES, type Architecture } from './runtime.js'
import { HOME } from './stage.js'
import { filesBelow, normalize, run } from './system.js'

/** What Node, koffi and DuckDB are linked with. */
const LIBRARIES = 'libc6 (>= 2.28), libgcc-s1, libstdc++6 (>= 9)'
const SERVICE =
  'init-system-helpers (>= 1.54), systemd | systemd-standalone-sysusers, systemd | systemd-standalone-tmpfiles'

/** Rules of lintian that do not apply, since they are for what Debian itself builds from source. */
const OVERRIDES: Readonly<Record<PackageName, readonly string[]>> = {
  interdict: [
    '# The release of Node is shipped as its project built it, so that its hash can be compared.',
    `unstripped-binary-or-object [${HOME.slice(1)}/bin/node]`,
    `hardening-no-pie [${HOME.slice(1)}/bin/node]`,
    'embedded-library *',
    '# Not uploaded to Debian.',
    'initial-upload-closes-no-bugs *'
  ],
  'interdict-analysis': [
    '# DuckDB is shipped as its project built it, so that its hash can be compared.',
    `unstripped-binary-or-object [${HOME.slice(1)}/node_modules/@duckdb/*]`,
    'embedded-library *'
  ]
}

/**
 * Makes a Debian package of a staged tree; adds the files that only Debian has.
 *
 * @param root the tree; @param folder where the package goes
 * @returns its path
 */
export function buildDeb(
  name: PackageName,
  root: string,
  architecture: Architecture,
  info: PackageInfo,
  folder: string
): string {
  const doc = join(root, 'usr/share/doc', name)
  const { debian } = ARCHITECTURES[architecture]
  const version = `${info.version}-1`
  if (name === 'interdict') {
    writeFileSync(
      join(doc, 'changelog.Debian.gz'),
      gzipSync(changelog(info, version), { level: 9 })
    )
  }
  const overrides = join(root, 'usr/share/lintian/overrides')
  mkdirSync(overrides, { recursive: true })
  writeFileSync(join(overrides, name), `${OVERRIDES[name].join('\n')}\n`)

  const files = filesBelow(root).filter(file => !lstatSync(join(root, file)).isSymbolicLink())
  const size = files.reduce(
    (sum, file) => sum + Math.ceil(lstatSync(join(root, file)).size / 1024),
    0
  )
  const sums = files.map(file => `${md5(join(root, file))}  ${file}\n`)
  const control = join(root, 'DEBIAN')
  mkdirSync(control)
  writeFileSync(join(control, 'md5sums'), sums.join(''))
  writeFileSync(join(control, 'control'), controlFile(name, version, debian, size, info))
  if (name === 'interdict') {
    for (const script of ['preinst', 'postinst', 'prerm', 'postrm']) {
      copyFileSync(`tools/package/debian/${script}`, join(control, script))
      chmodSync(join(control, script), 0o755)
    }
  }
  normalize(root, info.epoch)
  const file = join(folder, `${name}_${version}_${debian}.deb`)
  const env = { ...process.env, SOURCE_DATE_EPOCH: String(info.epoch) }
  const compression = info.isFast ? ['-Zgzip', '-z1'] : ['-Zxz', '-z2']
  run('dpkg-deb', ['--root-owner-group', ...compression, '--build', root, file], { env })
  return file
}

function controlFile(
  name: PackageName,
  version: string,
  architecture: string,
  size: number,
  { maintainer }: PackageInfo
): string {
  const relations =
    name === 'interdict'
      ? `Depends: ${LIBRARIES}, ${SERVICE}\nRecommends: interdict-analysis (= ${version})`
      : `Depends: interdict (= ${version}), ${LIBRARIES}`
  const description = DESCRIPTION[name].split('\n').map(line => ` ${line}`)
  return `Package: ${name}
Version: ${version}
Architecture: ${architecture}
Maintainer: ${maintainer}
Installed-Size: ${size}
${relations}
Section: net
Priority: optional
Description: ${SUMMARY[name]}
${description.join('\n')}
`
}

function changelog({ version, maintainer, epoch }: PackageInfo, full: string): string {
  const date = new Date(epoch * 1000).toUTCString().replace('GMT', '+0000')
  return `interdict (${full}) stable; urgency=medium

  * Release ${version}: see changelog.gz.

 -- ${maintainer}  ${date}
`
}

function md5(file: string): string {
  return createHash('md5').update(readFileSync(file)).digest('hex')
}
