import { failure } from '../../../base/errors/error.js'
import { YamlDocument } from '../../../policy/yaml/yaml-document.js'
import type { Place } from '../draft/migration.js'
import { textOf, type SourceFile } from '../draft/source-file.js'

export type YamlPath = readonly (string | number)[]

/** A value of a YAML file that has no others in it; an empty list or mapping is one as well. */
export interface YamlLeaf extends Place {
  readonly path: YamlPath
  /** As it is shown: `dns.upstream_dns`. Positions in lists are left out. */
  readonly key: string
  readonly value: unknown
}

/** The values of a YAML file, in its order. @throws InterdictError MIGRATE_UNREADABLE */
export function readYamlLeaves(source: SourceFile): {
  readonly value: unknown
  readonly leaves: readonly YamlLeaf[]
} {
  const { file } = source
  const document = new YamlDocument(textOf(source), file)
  const [error] = document.errors
  if (!document.isUsable) throw failure('MIGRATE_UNREADABLE', file, error?.message ?? 'not YAML')
  const leaves: YamlLeaf[] = []
  const visit = (value: unknown, path: YamlPath): void => {
    const entries = Array.isArray(value)
      ? value.map((item, i) => [i, item] as const)
      : isMapping(value)
        ? Object.entries(value)
        : []
    if (entries.length > 0) return entries.forEach(([key, item]) => visit(item, [...path, key]))
    const { line } = document.positionOf(path)
    leaves.push({ file, line, path, key: keyOf(path), value })
  }
  visit(document.value, [])
  return { value: document.value, leaves }
}

const keyOf = (path: YamlPath): string => path.filter(step => typeof step === 'string').join('.')

export const isMapping = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Whether a setting is empty or off. */
export const isOff = (value: unknown): boolean =>
  value === null ||
  value === false ||
  value === '' ||
  value === 0 ||
  (Array.isArray(value) && value.length === 0) ||
  (isMapping(value) && Object.keys(value).length === 0)
