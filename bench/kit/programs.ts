import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { BENCH } from './place.js'
import { run } from './processes.js'

/** The compiled C programs of `bench/load/`. */
export interface Programs {
  readonly load: string
  readonly floor: string
  readonly upstream: string
}

const SOURCES = {
  load: ['load.c', 'udp.c', 'tcp.c', 'queries.c', 'tally.c'],
  floor: ['floor.c'],
  upstream: ['upstream.c']
} as const

export async function compile(folder: string): Promise<Programs> {
  for (const [name, sources] of Object.entries(SOURCES)) await build(folder, name, sources, [])
  const at = (name: string) => join(folder, name)
  return { load: at('load'), floor: at('floor'), upstream: at('upstream') }
}

/** Compiles the program of `TlsLoad`, which needs OpenSSL. @returns its file */
export function compileTlsLoad(folder: string): Promise<string> {
  return build(folder, 'tls', ['tls.c', 'queries.c'], ['-lssl', '-lcrypto'])
}

async function build(
  folder: string,
  name: string,
  sources: readonly string[],
  libraries: readonly string[]
): Promise<string> {
  await mkdir(folder, { recursive: true })
  const output = join(folder, name)
  const flags = ['-O2', '-Wall', '-Wextra', '-Werror', '-pthread', '-o', output]
  const { code, stderr } = await run(['gcc', ...flags, ...sources, ...libraries], {
    folder: join(BENCH, 'load')
  })
  if (code !== 0) throw new Error(`gcc cannot compile ${name}:\n${stderr}`)
  return output
}
