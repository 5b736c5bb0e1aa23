import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import t from 'tap'

const BUILD = resolve('tools/build.js')

t.test('compiles once, and again only if sources change', t => {
  const folder = mkdtempSync(join(tmpdir(), 'interdict-build-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  for (const part of ['src', 'tools', 'rules']) mkdirSync(join(folder, part))
  const write = (file: string, text: string): void => writeFileSync(join(folder, file), text)
  write('package-lock.json', '{}')
  write('tsconfig.json', '{}')
  write('src/program.ts', 'export const one = 1\n')
  write('tools/bundle.ts', 'export {}\n')
  write('rules/networks.yaml', 'networks: {}\n')
  const compiles = (): boolean => {
    const { status, stderr } = spawnSync(process.execPath, [BUILD], {
      cwd: folder,
      encoding: 'utf8'
    })
    t.equal(status, 0, stderr)
    return stderr.includes('compiling')
  }
  t.ok(compiles(), 'the first time')
  t.notOk(compiles(), 'nothing has changed')
  write('rules/networks.yaml', 'networks: { office: { prefixes: [10.0.0.0/8] } }\n')
  t.notOk(compiles(), 'rules have changed')
  write('src/program.ts', 'export const one = 1, two = 2\n')
  t.ok(compiles(), 'a source has changed')
  t.end()
})
