/** The verifiers of an evidence pack: Python and a shell with openssl find every altered octet. */
import { execFileSync, spawnSync } from 'node:child_process'
import { createHash, randomInt, sign } from 'node:crypto'
import {
  closeSync,
  cpSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync
} from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import { generateKeys, parsePrivateKey } from '../../src/base/files/ed25519.js'
import { splitSigned, withMandateSignature } from '../../src/policy/rules/mandates/signed-text.js'
import { signPack } from '../../src/analysis/evidence/sign-pack.js'
import { VERIFY_PY } from '../../src/analysis/evidence/verify-py.js'
import { VERIFY_SH } from '../../src/analysis/evidence/verify-sh.js'
import { writeZip } from '../../src/analysis/evidence/zip.js'
import { install } from '../../tools/install.js'
import { folder } from './processes.js'

t.setTimeout(300_000)
install('openssl', 'unzip', '/usr/bin/python3')

const COPIES = 100
const { privatePem, publicKey } = generateKeys()
const files = new Map([
  ['evidence.html', '<p>Décision</p>\n'],
  ['evidence.json', '{}\n'],
  ['tables/networks.csv', 'network,ban\r\nphones,enforced\r\n']
])
const pack = signPack(files, parsePrivateKey(Buffer.from(privatePem)))
const home = folder(t)
const place = join(home, 'pack')
for (const [path, content] of pack) {
  mkdirSync(dirname(join(place, path)), { recursive: true })
  writeFileSync(join(place, path), content)
}
// From the operator, not from the pack.
const [python, shell] = [join(home, 'verify.py'), join(home, 'verify.sh')]
writeFileSync(python, VERIFY_PY)
writeFileSync(shell, VERIFY_SH)
const verifiers = { python: ['/usr/bin/python3', python], shell: ['/bin/sh', shell] } as const

for (const [name, [program, script]] of Object.entries(verifiers)) {
  const run = (...words: string[]) => spawnSync(program, [script, ...words], { encoding: 'utf8' })
  t.test(`${name}: an unaltered pack is unaltered, and its key is told`, t => {
    const { status, stdout, stderr } = run(place)
    t.strictSame([status, stderr], [0, ''])
    t.match(stdout, `unaltered: ${pack.size - 2} files, signed with ${publicKey}`)
    t.equal(run(place, publicKey).status, 0)
    t.equal(run(place, generateKeys().publicKey).status, 1, 'another key')
    t.end()
  })

  t.test(`${name}: ${COPIES} copies, each with one other octet`, t => {
    const paths = [...pack.keys()]
    for (let i = 0; i < COPIES; i++) {
      const copy = join(home, `${name}-${i}`)
      cpSync(place, copy, { recursive: true })
      // Each file in turn, so that none is left out.
      const path = join(copy, paths[i % paths.length]!)
      const octets = readFileSync(path)
      const at = randomInt(octets.length)
      octets[at]! ^= 1 + randomInt(255)
      writeFileSync(path, octets)
      t.not(run(copy).status, 0, `${paths[i % paths.length]} at ${at} of ${statSync(path).size}`)
      rmSync(copy, { recursive: true })
    }
    t.end()
  })

  t.test(`${name}: a file more or less is found`, t => {
    const copy = join(home, `${name}-files`)
    cpSync(place, copy, { recursive: true })
    writeFileSync(join(copy, 'tables/more.csv'), '')
    t.not(run(copy).status, 0, 'more')
    rmSync(join(copy, 'tables/more.csv'))
    t.equal(run(copy).status, 0)
    rmSync(join(copy, 'evidence.json'))
    t.not(run(copy).status, 0, 'less')
    t.end()
  })

  t.test(`${name}: links and pipes are refused before anything is read`, t => {
    for (const file of ['public-key.pem', 'SHA256SUMS', 'SHA256SUMS.sig', 'evidence.json']) {
      const copy = join(home, `${name}-${file}`)
      cpSync(place, copy, { recursive: true })
      rmSync(join(copy, file))
      symlinkSync('/dev/zero', join(copy, file))
      const linked = spawnSync(program, [script, copy], { encoding: 'utf8', timeout: 20_000 })
      t.match(linked, { status: 1, stderr: /not a file/ }, `${file} is a link`)
      rmSync(join(copy, file))
      execFileSync('mkfifo', [join(copy, file)])
      const piped = spawnSync(program, [script, copy], { encoding: 'utf8', timeout: 20_000 })
      t.match(piped, { status: 1, stderr: /not a file/ }, `${file} is a pipe`)
    }
    t.end()
  })

  t.test(`${name}: a manifest that names files outside the pack is refused`, t => {
    const outside = createHash('sha256').update(readFileSync('/etc/passwd')).digest('hex')
    for (const path of ['../../etc/passwd', '/etc/passwd', 'tables/../../../etc/passwd']) {
      const copy = join(home, `${name}-outside`)
      cpSync(place, copy, { recursive: true })
      const sums = `${readFileSync(join(copy, 'SHA256SUMS'), 'utf8')}${outside}  ${path}\n`
      writeFileSync(join(copy, 'SHA256SUMS'), sums)
      const signature = sign(null, Buffer.from(sums), parsePrivateKey(Buffer.from(privatePem)))
      writeFileSync(join(copy, 'SHA256SUMS.sig'), signature)
      t.match(run(copy), { status: 1, stderr: /path|line that is not of a pack/ }, path)
      rmSync(copy, { recursive: true })
    }
    t.end()
  })
}

// The operator signs packs, and the authority mandates.
t.test('a mandate that the operator altered is found, although the pack is signed again', t => {
  const authority = generateKeys()
  const text = 'mandate: be\nissued: 2026-01-01\nbans: []\n'
  const key = parsePrivateKey(Buffer.from(authority.privatePem))
  const signed = Buffer.from(withMandateSignature(Buffer.from(text), key)).toString()
  const packOf = (name: string, file: string): string => {
    const text = splitSigned(Buffer.from(file)).text
    const sha256 = createHash('sha256').update(text).digest('hex')
    const one = {
      id: 'be',
      path: 'mandates/be.yaml',
      sha256,
      signers: [authority.publicKey],
      spans: []
    }
    const page = { tables: { mandates: [] }, tiles: { mandateMinutes: 0 } }
    const all = signPack(
      new Map([
        ['mandates/be.yaml', file],
        ['mandates.json', JSON.stringify({ mandates: [one] })],
        ['evidence.json', JSON.stringify(page)]
      ]),
      parsePrivateKey(Buffer.from(privatePem))
    )
    const place = join(home, name)
    for (const [path, content] of all) {
      mkdirSync(dirname(join(place, path)), { recursive: true })
      writeFileSync(join(place, path), content)
    }
    return place
  }
  const check = 'import verify, sys; print(verify.check_mandates(sys.argv[1], ["mandates.json"]))'
  const byPython = (place: string) =>
    spawnSync('/usr/bin/python3', ['-c', check, place], { encoding: 'utf8', cwd: home })
  const byShell = (place: string) => spawnSync('/bin/sh', [shell, place], { encoding: 'utf8' })
  const good = packOf('ordered', signed)
  t.match(byPython(good), { status: 0, stdout: authority.publicKey })
  t.match(byShell(good), { status: 0, stdout: `be.yaml is signed with ${authority.publicKey}` })
  const forged = packOf('forged', signed.replace('2026-01-01', '2025-01-01'))
  t.match(byPython(forged), { status: 1, stderr: 'a signature of mandate be' })
  t.match(byShell(forged), { status: 1, stderr: 'ALTERED: a signature of mandates/be.yaml' })
  t.end()
})

for (const most of [undefined, 5]) {
  const kind = most === undefined ? 'ZIP file' : 'ZIP64 file'
  t.test(`unzip and Python read the ${kind}, and the verifier accepts it`, t => {
    const file = join(home, `${kind}.zip`)
    const descriptor = openSync(file, 'wx')
    writeZip(descriptor, pack, most)
    closeSync(descriptor)
    execFileSync('unzip', ['-q', '-t', file])
    execFileSync('/usr/bin/python3', ['-m', 'zipfile', '-t', file])
    const unzipped = join(home, `unzipped ${kind}`)
    execFileSync('unzip', ['-q', file, '-d', unzipped])
    t.strictSame(
      readdirSync(unzipped, { recursive: true }).sort(),
      readdirSync(place, { recursive: true }).sort()
    )
    t.equal(spawnSync('/bin/sh', [shell, unzipped]).status, 0)
    t.end()
  })
}
