import { createHash } from 'node:crypto'
import { nodePackage, type Architecture } from './runtime.js'
import { run } from './system.js'

interface Bom {
  serialNumber: string
  readonly metadata: {
    timestamp: string
    readonly component: { name: string; type: string }
  }
  readonly components: object[]
}

/**
 * The software bill of materials, CycloneDX: packages of the npm registry that are part of Interdict, by
 * package-lock.json, and Node. The same lock file and epoch give the same text.
 *
 * @param epoch in seconds
 */
export function sbom(epoch: number): string {
  const args = ['--sbom-format', 'cyclonedx', '--sbom-type', 'application', '--omit', 'dev']
  const bom = JSON.parse(run('npm', ['sbom', '--package-lock-only', ...args])) as Bom
  bom.metadata.timestamp = new Date(epoch * 1000).toISOString()
  // npm takes the name of the folder.
  bom.metadata.component.name = 'interdict'
  bom.components.push(...(['x64', 'arm64'] as const).map(nodeComponent))
  bom.serialNumber = ''
  const hash = createHash('sha256').update(JSON.stringify(bom)).digest('hex')
  bom.serialNumber = `urn:uuid:${uuidOf(hash)}`
  return `${JSON.stringify(bom, undefined, 2)}\n`
}

function nodeComponent(architecture: Architecture): object {
  const { name, version, integrity } = nodePackage(architecture)
  const content = Buffer.from(integrity.replace('sha512-', ''), 'base64').toString('hex')
  return {
    'bom-ref': `${name}@${version}`,
    type: 'platform',
    name,
    version,
    scope: 'required',
    purl: `pkg:npm/${name}@${version}`,
    hashes: [{ alg: 'SHA-512', content }],
    licenses: [{ license: { id: 'MIT' } }]
  }
}

/** A UUID of version 8, from the octets of a hash: RFC 9562 §5.8. */
function uuidOf(hash: string): string {
  const parts = [
    hash.slice(0, 8),
    hash.slice(8, 12),
    `8${hash.slice(12, 15)}`,
    `8${hash.slice(15, 18)}`
  ]
  return [...parts, hash.slice(18, 30)].join('-')
}
