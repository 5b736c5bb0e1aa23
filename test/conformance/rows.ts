import { existsSync, readFileSync } from 'node:fs'
import { z } from 'zod'
import { readYaml } from '../../src/policy/yaml/read.js'

const FILE = 'test/conformance/rows.yaml'

const row = z.strictObject({
  /** The topic, in two or three words. */
  what: z.string(),
  tests: z
    .array(
      z.strictObject({
        /** The behaviour, in one sentence. */
        says: z.string(),
        rfc: z.string().optional(),
        /** Below `test/`. */
        in: z.string(),
        /** The title of the test, or a part of it. */
        title: z.string()
      })
    )
    .default([])
})

/** By heading, then by id. */
const rows = z.record(z.string(), z.record(z.string(), row))

export type Rows = z.output<typeof rows>
export type Row = z.output<typeof row>

/** @throws Error with every problem, as `file:line:column` */
export function readRows(): Rows {
  const read = readYaml(readFileSync(FILE, 'utf8'), FILE, rows)
  if (!read.ok) throw new Error(read.errors.map(({ message }) => message).join('\n'))
  return read.value
}

/** Tests that rows name but that do not exist, by file and title. */
export function missingTests(rows: Rows): string[] {
  return Object.values(rows)
    .flatMap(section => Object.values(section))
    .flatMap(({ tests }) => tests)
    .filter(one => !existsSync(`test/${one.in}`) || !textOf(one.in).includes(one.title))
    .map(one => `test/${one.in}: ${one.title}`)
}

function textOf(file: string): string {
  return readFileSync(`test/${file}`, 'utf8')
}
