import type { YamlValue } from './insert-yaml.js'
import { isCollection, isPair, isScalar, isSeq, NewDocument, visit } from './library.js'

/** Longest mapping or list that is written on one line. */
const ONE_LINE = 84
const WIDTH = 120

/** Writes plain data as YAML. Short mappings and lists deeper than the sections of a file are on one line each. */
export function writeYaml(value: YamlValue): string {
  const document = new NewDocument(value)
  visit(document, {
    Collection: (_key, node, path) => {
      const depth = path.filter(parent => isCollection(parent)).length
      const isShort = JSON.stringify(node).length <= ONE_LINE
      if (depth < 2 || !isShort || node.items.some(isNested)) return undefined
      node.flow = true
      return visit.SKIP
    }
  })
  return document.toString({ lineWidth: WIDTH, flowCollectionPadding: true })
}

/** Whether an item has more levels than a list of plain values. */
function isNested(item: unknown): boolean {
  const value: unknown = isPair(item) ? item.value : item
  if (!isCollection(value)) return false
  return !isSeq(value) || value.items.some(one => !isScalar(one))
}
