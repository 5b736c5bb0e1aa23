/** What is used of the YAML library; no other file imports it. */
export {
  Document as NewDocument,
  isAlias,
  isCollection,
  isMap,
  isNode,
  isScalar,
  isPair,
  isSeq,
  LineCounter,
  parseDocument,
  visit,
  type Document,
  type Node,
  type Pair,
  type YAMLError,
  type YAMLMap
} from 'yaml'
