import { readFileSync } from 'node:fs'

/** The program's own, as in package.json, which lies three folders up, packed or not. */
export function packageVersion(): string {
  const file = new URL('../../../package.json', import.meta.url)
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version
}
