/** Runtimes that imitate Node, by their key in `process.versions`. */
const OTHERS = { bun: 'Bun', deno: 'Deno' } as const

/**
 * Names the runtime if it is not Node: sockets, worker threads and TLS here use functions of Node's own binary, without
 * which the process would abort later. @returns undefined: it is Node
 */
export function otherRuntime(
  versions: Readonly<Record<string, string | undefined>>
): string | undefined {
  for (const [key, name] of Object.entries(OTHERS)) {
    if (versions[key] !== undefined) return `${name} ${versions[key]}`
  }
  return undefined
}
