import { systemClock, type Clock } from '../../base/time/clock.js'
import { isTimeZone } from '../../base/time/instant.js'
import { failure } from '../../base/errors/error.js'
import { NETWORKS_FILE } from '../rules/model/folder.js'
import { didYouMean } from '../yaml/closest.js'
import {
  insertYaml,
  InsertionRefused,
  type YamlInsertion,
  type YamlValue
} from '../yaml/insert-yaml.js'
import { YamlDocument } from '../yaml/yaml-document.js'
import { today, writtenDates } from './edit-dates.js'
import { fileDiff } from './line-diff.js'
import type { EditKind, PolicyEdit } from './policy-edit.js'

/** The section of a network for each kind of rule. */
const SECTIONS = {
  ban: 'bans',
  exception: 'exceptions',
  allow: 'allow',
  block: 'block',
  record: 'records'
} as const satisfies Partial<Record<EditKind, string>>

/** Keys of a rule in the order of the reference; others follow. */
const ORDER = [
  ...['id', 'name', 'apps', 'vendors', 'names', 'lists', 'addresses', 'except', 'prefixes'],
  ...['file', 'folder', 'url', 'transfer', 'authority', 'reference', 'legal-basis', 'owner'],
  ...['purpose', 'approved-by', 'from', 'until', 'last-day', 'review', 'schedule', 'action', 'mode']
]

/** A changed file of the rules. */
export interface EditedFile {
  readonly file: string
  readonly text: string
  /** Unified, with a header. */
  readonly diff: string
}

type Tree = Readonly<Record<string, unknown>>

/**
 * Makes edits in the text of `networks.yaml`. The rest of the file stays as it is, with its comments. Whether the rules
 * are valid then is for `loadRules` to say.
 *
 * @param shown the name of the file in messages
 * @throws InterdictError DOCUMENT_SYNTAX and others of an invalid file, EDIT_NETWORK, EDIT_EXISTS, EDIT_PLACE, EDIT_VALUES
 */
export function editNetworks(
  text: string,
  edits: readonly PolicyEdit[],
  shown: string = NETWORKS_FILE,
  clock: Clock = systemClock
): EditedFile {
  let edited = text
  for (const edit of edits) edited = makeEdit(edited, edit, shown, clock)
  return { file: NETWORKS_FILE, text: edited, diff: fileDiff(NETWORKS_FILE, text, edited) }
}

function makeEdit(text: string, edit: PolicyEdit, shown: string, clock: Clock): string {
  const { errors, value } = new YamlDocument(text.replaceAll('\r\n', '\n'), shown)
  const [error] = errors
  if (error !== undefined) throw error
  const root = asTree(value)
  const insertion = insertionOf(edit, root, shown, clock)
  try {
    return insertYaml(text, insertion)
  } catch (reason) {
    if (!(reason instanceof InsertionRefused)) throw reason
    throw failure('EDIT_PLACE', shown, insertion.path.join('.'))
  }
}

function insertionOf(edit: PolicyEdit, root: Tree, shown: string, clock: Clock): YamlInsertion {
  const { kind, network, comment } = edit
  const zone = timeZoneOf(root)
  const values = inOrder(writtenDates(edit.values, clock, zone))
  if (kind === 'list') {
    const { id } = edit
    if (id === undefined) throw failure('EDIT_VALUES', 'a list needs an id')
    if (id in asTree(root.lists)) throw failure('EDIT_EXISTS', shown, `list ${id}`)
    return { path: ['lists'], key: id, value: values, comment }
  }
  const path = [...placeOf(kind, network, asTree(root.networks), shown), SECTIONS[kind]]
  checkId(root, path, values.id, shown)
  const value: YamlValue =
    kind === 'exception' && values.from === undefined
      ? inOrder({ ...values, from: today(clock, zone) })
      : onlyName(kind, values)
  return { path, value, comment }
}

/** @throws InterdictError EDIT_NETWORK, EDIT_VALUES */
function placeOf(
  kind: EditKind,
  network: string | undefined,
  networks: Tree,
  shown: string
): readonly string[] {
  if (network === undefined) {
    if (kind === 'record') return ['defaults']
    throw failure('EDIT_VALUES', `${kind}: name the network`)
  }
  if (network in networks) return ['networks', network]
  throw failure('EDIT_NETWORK', shown, network, didYouMean(network, Object.keys(networks)))
}

/** @throws InterdictError EDIT_EXISTS: the network has a rule with this id */
function checkId(root: Tree, path: readonly string[], id: unknown, shown: string): void {
  if (id === undefined) return
  let rules: unknown = root
  for (const step of path) rules = asTree(rules)[step]
  if (Array.isArray(rules) && rules.some(rule => asTree(rule).id === id))
    throw failure('EDIT_EXISTS', shown, `${path.join('.')} with the id ${JSON.stringify(id)}`)
}

/** An allowed or blocked name is written as a name alone. */
function onlyName(kind: EditKind, values: Readonly<Record<string, YamlValue>>): YamlValue {
  const { names, ...rest } = values
  const isOne = Array.isArray(names) && names.length === 1 && Object.keys(rest).length === 0
  return (kind === 'allow' || kind === 'block') && isOne ? (names[0] as YamlValue) : values
}

function inOrder(values: Readonly<Record<string, YamlValue>>): Record<string, YamlValue> {
  const rank = (key: string): number => (ORDER.includes(key) ? ORDER.indexOf(key) : ORDER.length)
  return Object.fromEntries(Object.entries(values).sort(([a], [b]) => rank(a) - rank(b)))
}

function timeZoneOf(root: Tree): string {
  const zone = asTree(root.defaults)['time-zone']
  return typeof zone === 'string' && isTimeZone(zone) ? zone : 'UTC'
}

const asTree = (value: unknown): Tree =>
  typeof value === 'object' && value !== null ? (value as Tree) : {}
