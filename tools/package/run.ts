/**
 * `npm run package`: makes everything of a release in `dist/package`, the same octets each time: packages for
 * Debian and for RPM distributions, the npm package, the software bill of materials with its VEX document, and signed sums.
 *
 * With `--repository`, also repositories for apt and dnf of these packages, signed with `--sign-key`.
 *
 * Environment: SOURCE_DATE_EPOCH, INTERDICT_MAINTAINER, MINISIGN_KEY (a file) and MINISIGN_PASSWORD.
 */
import { mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { buildDeb } from './deb.js'
import { packageInfo, type PackageName } from './info.js'
import { buildNpm } from './npm.js'
import { buildRpm } from './rpm.js'
import { ARCHITECTURES, type Architecture } from './runtime.js'
import { checkSignKey, makeRepository } from './repository.js'
import { sbom } from './sbom.js'
import { sign, writeSums } from './sign.js'
import { scratch, stageAnalysis, stageGateway } from './stage.js'
import { readStatements, vex } from './vex.js'
import { install } from '../install.js'

const STAGES = { interdict: stageGateway, 'interdict-analysis': stageAnalysis } as const
const BUILDERS = { deb: buildDeb, rpm: buildRpm } as const

const { values } = parseArgs({
  options: {
    out: { type: 'string', default: 'dist/package' },
    arch: { type: 'string', multiple: true, default: Object.keys(ARCHITECTURES) },
    /** Compresses weakly, for tests. */
    fast: { type: 'boolean', default: false },
    format: { type: 'string', multiple: true, default: [...Object.keys(BUILDERS), 'npm'] },
    repository: { type: 'boolean', default: false },
    /** A secret key of gpg. */
    'sign-key': { type: 'string' },
    /** Days until apt refuses the repository. */
    'valid-days': { type: 'string' }
  }
})

install('dpkg-deb', 'rpmbuild', 'tar', 'git')
const repository = values.repository ? repositoryOptions() : undefined
const info = packageInfo(process.env, values.fast)
const out = resolve(values.out)
mkdirSync(out, { recursive: true })
for (const file of readdirSync(out)) {
  if (statSync(join(out, file)).isFile()) rmSync(join(out, file))
}
const files: string[] = []
const architectures = values.arch as Architecture[]
for (const architecture of architectures) {
  for (const [format, build] of Object.entries(BUILDERS)) {
    if (!values.format.includes(format)) continue
    for (const [name, stage] of Object.entries(STAGES) as [PackageName, typeof stageGateway][]) {
      files.push(
        scratch(folder => {
          const root = join(folder, 'root')
          mkdirSync(root)
          stage({ root, architecture })
          return build(name, root, architecture, info, out)
        })
      )
    }
  }
}
if (values.format.includes('npm')) files.push(scratch(root => buildNpm(root, info, out)))
const bom = join(out, `interdict-${info.version}.cdx.json`)
const materials = sbom(info.epoch)
writeFileSync(bom, materials)
const statements = join(out, `interdict-${info.version}.vex.cdx.json`)
writeFileSync(statements, vex(materials, info.epoch, readStatements()))
files.push(bom, statements)
const sums = writeSums(files, out)
const { MINISIGN_KEY: key, MINISIGN_PASSWORD: password = '' } = process.env
const signed = sign(sums, key, password)
for (const file of files) {
  const size = (statSync(file).size / 1e6).toFixed(1)
  process.stdout.write(`${size.padStart(6)} MB  ${basename(file)}\n`)
}
process.stdout.write(`${sums}\n${signed}\n`)
if (repository !== undefined) {
  const folder = join(out, 'repository')
  makeRepository({ ...repository, files, architectures, folder })
  process.stdout.write(`signed with ${repository.key}: ${folder}\n`)
}

/** Before anything is built. */
function repositoryOptions(): { readonly key: string; readonly validDays: number | undefined } {
  install('gpg', 'apt-ftparchive', 'rpmsign', 'createrepo_c')
  const { 'sign-key': key, 'valid-days': days } = values
  if (days !== undefined && !/^[1-9]\d{0,3}$/.test(days))
    throw new Error('--valid-days: expected a number of days')
  return { key: checkSignKey(key), validDays: days === undefined ? undefined : Number(days) }
}
