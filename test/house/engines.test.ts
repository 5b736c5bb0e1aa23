import { readFileSync } from 'node:fs'
import t from 'tap'

interface Lock {
  readonly packages: Readonly<
    Record<string, { readonly version?: string; readonly engines?: { readonly node?: string } }>
  >
}

/** The oldest supported Node. */
const OLDEST = 20

/** Whether a range of versions, such as `^20.19.0 || >=22`, has one of this major version. */
function accepts(range: string): boolean {
  return range.split('||').some(part => {
    const [, sign = '', major] = /^\s*(>=|>|\^|~|)\s*v?(\d+)/.exec(part) ?? []
    if (major === undefined) return part.trim() === '*'
    return sign.startsWith('>') ? Number(major) <= OLDEST : Number(major) === OLDEST
  })
}

t.test(`every package is for Node ${OLDEST} as well, so that npm ci has nothing to warn of`, t => {
  const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8')) as Lock
  const others = Object.entries(packages).flatMap(([path, { version, engines }]) =>
    engines?.node === undefined || accepts(engines.node)
      ? []
      : [`${path} ${version}: ${engines.node}`]
  )
  t.ok(Object.keys(packages).length > 500)
  t.strictSame(others, [])
  t.end()
})
