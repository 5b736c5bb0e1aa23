import type { ErrorCode } from '../../../base/errors/error.js'
import { isWithin, type Path } from '../../yaml/issues.js'

/** Whether an error at `at` may come from a value elsewhere, at `broken`. */
type Dependence = (broken: Path, at: Path) => boolean

const isIn =
  (...sections: readonly string[]): Dependence =>
  ([section]) =>
    sections.includes(String(section))
/** `networks.hq.bans[0]`, `clients.phone-1` */
const isInSameRule: Dependence = (broken, at) =>
  isWithin(broken, at.slice(0, at[0] === 'networks' ? 4 : 2))
const OWN_SECTIONS = [
  ...(['bans', 'exceptions', 'allow', 'block'] as const),
  ...(['records', 'record-files', 'zones'] as const)
] as readonly string[]
/** A network itself: its prefixes, or which others it extends. */
const isOfNetwork: Dependence = ([section, , key]) =>
  section === 'networks' && !OWN_SECTIONS.includes(String(key))
const isWhole: Dependence = ({ length }) => length === 1

/** Errors that depend on more than the value that they are about. */
const DEPENDENCES: Partial<Record<ErrorCode, readonly Dependence[]>> = {
  RULES_REPLY: [isInSameRule, isIn('defaults')],
  RULES_TARGET_BANNED: [isInSameRule],
  RULES_BLANKET: [isInSameRule, isOfNetwork],
  RULES_PREFIX_OUTSIDE: [isOfNetwork],
  RULES_PURPOSE: [isIn('exceptions')],
  RULES_EXCEPTION_LONG: [isIn('exceptions')],
  RULES_AUTHORITY_NETWORK: [isInSameRule, isIn('client-authorities')],
  RULES_UNKNOWN_AUTHORITY: [isIn('client-authorities')],
  RULES_UNKNOWN_LIST: [isWhole],
  RULES_UNKNOWN_NETWORK: [isWhole],
  RULES_UNKNOWN_SCOPE: [isWhole],
  RULES_SCOPE_UNSERVED: [isOfNetwork]
}

/** Whether a value that is broken may be the cause of another error in the same file. */
export function mayLeadTo(broken: Path, code: ErrorCode, at: Path): boolean {
  if (isWithin(broken, at) || isWithin(at, broken)) return true
  return DEPENDENCES[code]?.some(may => may(broken, at)) === true
}
